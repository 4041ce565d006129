/** Volume routes, and what they need of the engine behind them. */

import type {
  Volume,
  VolumeCreateRequest,
  VolumeList,
  VolumePruneResponse,
} from "../../spec/docker_volume.ts";
import { FathomError, kindOf } from "../../std/errors.ts";
import { map, object, text } from "../../std/shape.ts";
import { boolParam, filtersParam } from "../query.ts";
import { param, type Route, requireJson } from "../route.ts";
import { olderThan } from "../version.ts";
import type { Filters } from "./containers.ts";

export interface VolumeBackend {
  /** Makes it or finds it. */
  create(request: VolumeCreateRequest): Promise<Volume>;
  /** Throws not-found. */
  inspect(name: string): Volume;
  list(filters: Filters): VolumeList;
  /** Throws not-found, and conflict when containers use it. */
  remove(name: string): Promise<void>;
  /** `all`: those that have a name of their own as well. */
  prune(filters: Filters, options: { all: boolean }): Promise<VolumePruneResponse>;
}

const createRequest = object<VolumeCreateRequest>({
  Name: text,
  Driver: text,
  DriverOpts: map(text),
  Labels: map(text),
});

export function volumeRoutes(backend: VolumeBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/volumes",
      handler: async ({ query }, respond) => respond.json(backend.list(filtersParam(query))),
    },
    {
      method: "POST",
      pattern: "/volumes/create",
      handler: async (request, respond) => {
        const wanted = await requireJson(request, createRequest);
        await respond.json(await backend.create(wanted), 201);
      },
    },
    {
      method: "POST",
      pattern: "/volumes/prune",
      handler: async ({ query, version }, respond) => {
        // Until 1.42 named volumes went too.
        const all = olderThan(version, "1.42");
        const filters = filtersParam(query);
        if (all && filters.all !== undefined) throw new FathomError("invalid", "invalid filter 'all'");
        await respond.json(await backend.prune(filters, { all }));
      },
    },
    {
      method: "GET",
      pattern: "/volumes/{name}",
      handler: async (request, respond) => respond.json(backend.inspect(param(request, "name"))),
    },
    {
      method: "DELETE",
      pattern: "/volumes/{name}",
      handler: async (request, respond) => {
        try {
          await backend.remove(param(request, "name"));
        } catch (error) {
          // By force, what is not there is no mistake; what is in use stays.
          if (!(boolParam(request.query, "force") && kindOf(error) === "not-found")) throw error;
        }
        await respond.empty(204);
      },
    },
  ];
}

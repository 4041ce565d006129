/** Routes about a container's share of the host, and what they need of the engine behind them. */

import type { ContainerUpdateRequest } from "../../spec/docker.ts";
import type { ContainerStats } from "../../spec/docker_stats.ts";
import { FathomError } from "../../std/errors.ts";
import { boolParam } from "../query.ts";
import { containerUpdateRequest } from "../requests.ts";
import { type ApiRequest, param, type Route, requireJson } from "../route.ts";
import { olderThan } from "../version.ts";
import { jsonLines } from "./system.ts";

/** Every id is an ID, an unambiguous prefix of one, or a name; not-found and conflict (ambiguous) errors are thrown. */
export interface ResourceBackend {
  /** Lets its processes stand still. Throws conflict when it is paused already, or does not run. */
  pause(id: string): Promise<void>;
  /** Lets them go on. Throws conflict when it is not paused. */
  unpause(id: string): Promise<void>;
  /** Changes limits and the restart policy; gives warnings of what the kernel cannot do. */
  update(id: string, request: ContainerUpdateRequest): Promise<{ Warnings: string[] }>;
  /** What it uses: every second until the signal or its removal; or once, beside a reading of a second before but for `oneShot`. */
  stats(
    id: string,
    how: { stream: boolean; oneShot: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<ContainerStats>>;
}

export function resourceRoutes(backend: ResourceBackend): Route[] {
  const action = (name: "pause" | "unpause"): Route => ({
    method: "POST",
    pattern: `/containers/{id}/${name}`,
    handler: async (request, respond) => {
      await backend[name](param(request, "id"));
      await respond.empty(204);
    },
  });
  const update: Route = {
    method: "POST",
    pattern: "/containers/{id}/update",
    handler: async (request, respond) => {
      const changes = await requireJson(request, containerUpdateRequest);
      await respond.json(await backend.update(param(request, "id"), changes));
    },
  };
  const stats: Route = {
    method: "GET",
    pattern: "/containers/{id}/stats",
    handler: async (request, respond) => {
      const how = statsOptions(request);
      const readings = await backend.stats(param(request, "id"), how, request.http.signal);
      await respond.stream("application/json", jsonLines(readings));
    },
  };
  return [action("pause"), action("unpause"), update, stats];
}

/** Streams unless told otherwise. A single reading at once came with 1.41. */
function statsOptions({ query, version }: ApiRequest): { stream: boolean; oneShot: boolean } {
  const stream = !query.has("stream") || boolParam(query, "stream");
  const oneShot = boolParam(query, "one-shot") && !olderThan(version, "1.41");
  if (stream && oneShot) throw new FathomError("invalid", "cannot have stream=true and one-shot=true");
  return { stream, oneShot };
}

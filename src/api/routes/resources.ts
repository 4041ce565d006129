/** Routes about a container's share of the host, and what they need of the engine behind them. */

import type { ContainerUpdateRequest } from "../../spec/docker.ts";
import { containerUpdateRequest } from "../requests.ts";
import { param, type Route, requireJson } from "../route.ts";

/** Every id is an ID, an unambiguous prefix of one, or a name; not-found and conflict (ambiguous) errors are thrown. */
export interface ResourceBackend {
  /** Lets its processes stand still. Throws conflict when it is paused already, or does not run. */
  pause(id: string): Promise<void>;
  /** Lets them go on. Throws conflict when it is not paused. */
  unpause(id: string): Promise<void>;
  /** Changes limits and the restart policy; gives warnings of what the kernel cannot do. */
  update(id: string, request: ContainerUpdateRequest): Promise<{ Warnings: string[] }>;
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
  return [action("pause"), action("unpause"), update];
}

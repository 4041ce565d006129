/** The route that tells from where a container is reached, Fathom's own; and what it needs of the engine behind it. */

import type { Reach } from "../../spec/reach.ts";
import { param, type Route } from "../route.ts";

export interface ReachBackend {
  /** The name is an ID, a prefix of one, or a name; not-found is thrown. */
  reach(container: string): Promise<Reach>;
}

export function reachRoutes(backend: ReachBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/containers/{id}/reach",
      handler: async (request, respond) => respond.json(await backend.reach(param(request, "id"))),
    },
  ];
}

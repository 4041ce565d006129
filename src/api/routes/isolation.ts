/** The route that tells how a container is isolated, Fathom's own; and what it needs of the engine behind it. */

import type { Isolation } from "../../spec/isolation.ts";
import { param, type Route } from "../route.ts";

export interface IsolationBackend {
  /** What a container can and cannot do. The name is an ID, a prefix of one, or a name; not-found is thrown. */
  get(container: string): Promise<Isolation>;
}

export function isolationRoutes(backend: IsolationBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/containers/{id}/isolation",
      handler: async (request, respond) => {
        await respond.json(await backend.get(param(request, "id")));
      },
    },
  ];
}

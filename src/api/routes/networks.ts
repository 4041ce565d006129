/** Network routes, and what they need of the engine behind them. */

import type { NetworkResource } from "../../spec/docker_network.ts";
import { filtersParam } from "../query.ts";
import { param, type Route } from "../route.ts";
import type { Filters } from "./containers.ts";

export interface NetworkBackend {
  /** Throws invalid for a filter there is none of. */
  list(filters: Filters): Promise<NetworkResource[]>;
  /** With the containers on it. Throws not-found. */
  inspect(name: string): Promise<NetworkResource>;
}

export function networkRoutes(backend: NetworkBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/networks",
      handler: async ({ query }, respond) => respond.json(await backend.list(filtersParam(query))),
    },
    {
      method: "GET",
      pattern: "/networks/{name}",
      handler: async (request, respond) => respond.json(await backend.inspect(param(request, "name"))),
    },
  ];
}

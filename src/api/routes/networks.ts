/** Network routes, and what they need of the engine behind them. */

import type { NetworkResource } from "../../spec/docker_network.ts";
import { FathomError } from "../../std/errors.ts";
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
    ...CHANGES.map(({ method, pattern }): Route => ({ method, pattern, handler: refuse, notYet: true })),
  ];
}

/** What makes and changes networks. */
const CHANGES: readonly Pick<Route, "method" | "pattern">[] = [
  { method: "POST", pattern: "/networks/create" },
  { method: "POST", pattern: "/networks/{name}/connect" },
  { method: "POST", pattern: "/networks/{name}/disconnect" },
  { method: "DELETE", pattern: "/networks/{name}" },
];

async function refuse(): Promise<void> {
  throw new FathomError(
    "unsupported",
    "networks of your own are not supported yet: containers can be on bridge, host and none, or share another's network",
  );
}

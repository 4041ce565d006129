/** Routes that take away what nobody uses, and what they need of the engine behind them. */

import type { ContainerPruneResponse } from "../../spec/docker_files.ts";
import { filtersParam } from "../query.ts";
import type { Route } from "../route.ts";
import type { Filters } from "./containers.ts";

export interface PruneBackend {
  /** Every container that is not up, or those of them that filters choose. Throws invalid. */
  pruneContainers(filters: Filters): Promise<ContainerPruneResponse>;
}

export function pruneRoutes(backend: PruneBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/containers/prune",
      handler: async ({ query }, respond) => respond.json(await backend.pruneContainers(filtersParam(query))),
    },
  ];
}

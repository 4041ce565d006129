/** Routes that take away what nobody uses, and what they need of the engine behind them. Volumes' is in volumes.ts. */

import type { ContainerPruneResponse } from "../../spec/docker_files.ts";
import type {
  BuildPruneResponse,
  ImagePruneResponse,
  NetworkPruneResponse,
} from "../../spec/docker_usage.ts";
import { filtersParam } from "../query.ts";
import type { Route } from "../route.ts";
import type { Filters } from "./containers.ts";

/** Each throws invalid for a filter that there is none of. */
export interface PruneBackend {
  /** Every container that is not up, or those of them that filters choose. */
  pruneContainers(filters: Filters): Promise<ContainerPruneResponse>;
  /** Images that no container was made from: those without a tag, and with the filter `dangling=false` the others too. */
  pruneImages(filters: Filters): Promise<ImagePruneResponse>;
  /** Networks that somebody made and no container is on. */
  pruneNetworks(filters: Filters): Promise<NetworkPruneResponse>;
  /** What builds left to be quicker the next time. */
  pruneBuildCache(): Promise<BuildPruneResponse>;
}

export function pruneRoutes(backend: PruneBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/containers/prune",
      handler: async ({ query }, respond) => respond.json(await backend.pruneContainers(filtersParam(query))),
    },
    {
      method: "POST",
      pattern: "/images/prune",
      handler: async ({ query }, respond) => respond.json(await backend.pruneImages(filtersParam(query))),
    },
    {
      method: "POST",
      pattern: "/networks/prune",
      handler: async ({ query }, respond) => respond.json(await backend.pruneNetworks(filtersParam(query))),
    },
    {
      method: "POST",
      pattern: "/build/prune",
      handler: async (_, respond) => respond.json(await backend.pruneBuildCache()),
    },
  ];
}

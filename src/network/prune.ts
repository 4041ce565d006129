/** `docker network prune`. Pure. */

import type { NetworkPruneResponse } from "../spec/docker_usage.ts";
import { FathomError } from "../std/errors.ts";
import type { Filters } from "./filters.ts";

const KNOWN = ["until", "label", "label!"];

/**
 * Every network there can be is one of the three that are always there, which a prune leaves alone in Docker too.
 * @throws {FathomError} invalid, for a filter that there is none of.
 */
export function pruneNetworks(filters: Filters): NetworkPruneResponse {
  const unknown = Object.keys(filters).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
  return { NetworksDeleted: null };
}

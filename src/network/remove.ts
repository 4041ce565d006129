/** Taking networks away: one that is named, or all that nobody uses. */

import type { NetworkPruneResponse } from "../spec/docker_usage.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { PREDEFINED } from "./create.ts";
import { describeNetwork } from "./describe.ts";
import { type Filters, filterPruned } from "./filters.ts";
import type { NetworkRecord } from "./records.ts";
import { findNetwork, type State, tell, visibleNetworks } from "./state.ts";

/** @throws {FathomError} not-found; forbidden, in Docker's words, for one that is used or always there. */
export async function removeNetwork(state: State, name: string): Promise<void> {
  const network = findNetwork(state, name);
  if (PREDEFINED.includes(network.Name))
    throw new FathomError("forbidden", `${network.Name} is a pre-defined network and cannot be removed`);
  const inTheWay = reasonToKeep(state, network);
  if (inTheWay !== undefined) throw new FathomError("forbidden", `error while removing network: ${inTheWay}`);
  await take(state, network);
}

/** Undefined where nothing is in the way of its removal. */
function reasonToKeep({ store }: State, { Id, Name, ConfigOnly }: NetworkRecord): string | undefined {
  const isUsed = [...store.sandboxes.values()].some(({ Endpoints }) =>
    Endpoints.some(({ Network }) => Network === Id),
  );
  if (isUsed) return `network ${Name} id ${Id} has active endpoints`;
  const isSource = ConfigOnly && [...store.networks.values()].some(({ ConfigFrom }) => ConfigFrom === Name);
  return isSource ? `configuration network "${Name}" is in use` : undefined;
}

/** The record goes last: an engine that is killed before still has the network, and makes its bridge again. */
async function take({ store, segments, books, options }: State, network: NetworkRecord): Promise<void> {
  // From here on nobody is connected to it.
  store.networks.delete(network.Id);
  try {
    segments.remove(network);
  } catch (error) {
    store.networks.set(network.Id, network);
    throw error;
  }
  books.forget(network);
  await store.dropNetwork(network.Id);
  tell(options, { action: "destroy", network });
}

/** @throws {FathomError} invalid, for a filter that there is none of. */
export async function pruneNetworks(state: State, filters: Filters): Promise<NetworkPruneResponse> {
  const unused = visibleNetworks(state).filter(
    (network) => !PREDEFINED.includes(network.Name) && reasonToKeep(state, network) === undefined,
  );
  const chosen = new Set(filterPruned(unused.map(describeNetwork), filters).map(({ Id }) => Id));
  const removed: string[] = [];
  for (const network of unused.filter(({ Id }) => chosen.has(Id))) {
    try {
      await take(state, network);
      removed.push(network.Name);
    } catch (error) {
      state.options.warn(`the network ${network.Name} cannot be removed: ${messageOf(error)}`);
    }
  }
  return { NetworksDeleted: removed.length === 0 ? null : removed };
}

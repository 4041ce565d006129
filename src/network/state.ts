/** What every operation on an engine's networks works with. */

import type { NetlinkSocket } from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import type { AddressBooks } from "./addresses.ts";
import type { Lingering } from "./lingering.ts";
import type { NameTables } from "./name_tables.ts";
import type { NetworksOptions } from "./options.ts";
import type { Ports } from "./ports/state.ts";
import type { NetworkRecord, SandboxRecord } from "./records.ts";
import type { Segments } from "./segment.ts";
import type { RecordStore } from "./store.ts";

export interface State {
  options: NetworksOptions;
  store: RecordStore;
  segments: Segments;
  books: AddressBooks;
  /** A socket that speaks to the host's own namespace. */
  host: () => NetlinkSocket;
  lingering: Lingering;
  names: NameTables;
  /** What is published. */
  ports: Ports;
  /** What an earlier engine noted. */
  inherited: ReadonlySet<SandboxRecord>;
}

/** Without the default bridge where the engine is to have none. */
export function visibleNetworks({ store, options }: State): NetworkRecord[] {
  return [...store.networks.values()].filter(({ Name }) => !(Name === "bridge" && options.settings.disabled));
}

/** By name, ID or the beginning of an ID. @throws {FathomError} not-found; invalid, where several are meant. */
export function findNetwork(state: State, name: string): NetworkRecord {
  const all = visibleNetworks(state);
  const exact = all.find(({ Name }) => Name === name) ?? all.find(({ Id }) => Id === name);
  if (exact !== undefined) return exact;
  const [first, second] = name === "" ? [] : all.filter(({ Id }) => Id.startsWith(name));
  if (second !== undefined)
    throw new FathomError(
      "invalid",
      `network ${name} is ambiguous (2 or more networks have IDs that begin so)`,
    );
  if (first === undefined) throw new FathomError("not-found", `network ${name} not found`);
  return first;
}

/** Tells of something that was done to a network. */
export function tell(
  { emit }: NetworksOptions,
  { action, network, container }: { action: string; network: NetworkRecord; container?: string },
): void {
  const { Id: id, Name: name, Driver: type } = network;
  emit({ action, id, attributes: { ...(container !== undefined && { container }), name, type } });
}

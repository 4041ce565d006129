/** What publishing ports works with, and what of it follows from the records. */

import { type NetlinkSocket, type NftMap, readSysctl } from "../../kernel/net/mod.ts";
import type { FirewallBackend, Publications } from "../backends/backend.ts";
import type { NetworkRecord, SandboxRecord } from "../records.ts";
import type { RecordStore } from "../store.ts";
import type { Cursor } from "./allocate.ts";
import { entriesOf, PORT_MAPS, type Target } from "./maps.ts";
import type { PublishedRange } from "./port.ts";

/** dockerd's flags for published ports, checked. */
export interface PortSettings {
  /** Where a container names no address. */
  defaultAddress: string;
  /** IPv6 too: rules for it, and the forwarder. */
  ipv6: boolean;
  /** What comes by IPv6 is forwarded to containers that have only IPv4. */
  forward: boolean;
}

export interface Ports extends Publications {
  settings: PortSettings;
  /** Rules are the engine's to keep. */
  filter: boolean;
  /** A socket that speaks to the host's own namespace. */
  host: () => NetlinkSocket;
  cursor: Cursor;
  /** Has the kernel lead them to containers. */
  firewall: Pick<FirewallBackend, "publish" | "retract">;
  /** Opens it, once. */
  openForwarder: () => Promise<void>;
  warn: (sentence: string) => void;
}

/** By which of its connections a container is reached, and what leads there. */
export interface Exit {
  network: NetworkRecord;
  /** The port of its bridge. */
  link: string;
  target: Target;
}

/** The connection that published ports lead to: the one that the container reaches the outside by. */
export function exitOf(store: RecordStore, { Endpoints }: SandboxRecord): Exit | undefined {
  const candidates = Endpoints.flatMap((endpoint) => {
    const network = store.networks.get(endpoint.Network);
    if (network === undefined || network.Driver !== "bridge" || network.Internal || endpoint.Link === "")
      return [];
    const target = { address4: endpoint.Address, address6: endpoint.Address6 };
    return [{ network, link: endpoint.Link, target, priority: endpoint.Asked.GwPriority ?? 0 }];
  });
  return candidates.sort((a, b) => b.priority - a.priority || (a.network.Name < b.network.Name ? -1 : 1))[0];
}

/** The maps of the engine's table, with what is published at the moment they are read. */
export function portMaps(ports: Publications): NftMap[] {
  return PORT_MAPS.map((map) => ({
    ...map,
    elements: {
      *[Symbol.iterator]() {
        for (const { map: name, element } of allEntries(ports)) if (name === map.name) yield element;
      },
    },
  }));
}

function* allEntries({ store, forwarder }: Publications) {
  for (const sandbox of store.sandboxes.values()) {
    const exit = exitOf(store, sandbox);
    if (exit === undefined || sandbox.Ports === undefined) continue;
    for (const range of sandbox.Ports) yield* entriesOf(range, exit.target, forwarder);
  }
}

/** Also where the kernel knows it, it may be turned off. */
export function hasIPv6(): boolean {
  return readSysctl("net/ipv6/conf/all/disable_ipv6") === "0";
}

/** A range with the container that has it. */
export interface Held {
  container: string;
  range: PublishedRange;
}

export function heldRanges({ store }: Pick<Ports, "store">): Held[] {
  return [...store.sandboxes.values()].flatMap(({ Container, Ports = [] }) =>
    Ports.map((range) => ({ container: Container, range })),
  );
}

/**
 * A network as this host has it: what containers' links are attached to, made when it is first needed.
 *
 * A network is a record; its segment is what a driver has made of it: a bridge with its addresses and rules. Networks of the drivers
 * `host` and `null` have none.
 */

import type { IPVLAN_MODES, MACVLAN_MODES, NetlinkSocket } from "../kernel/net/mod.ts";
import type { Family } from "../std/ip.ts";
import type { FilteredBridges } from "./filtered.ts";
import type { NetworksOptions } from "./options.ts";
import type { NetworkRecord } from "./records.ts";
import type { RecordStore } from "./store.ts";

/** What a container's link is attached to: a bridge of which it becomes a port, or a link of the host on which it is made. */
export type Junction = JunctionLink &
  (
    | {
        kind: "bridge";
        /** Containers are kept from each other: frames between a bridge's ports pass no rule where the kernel hands them to none. */
        isolated: boolean;
      }
    | { kind: "macvlan"; mode: keyof typeof MACVLAN_MODES }
    | { kind: "ipvlan"; mode: keyof typeof IPVLAN_MODES }
  );

interface JunctionLink {
  name: string;
  index: number;
  mtu: number;
  /** The families whose gateway leads beyond the network. */
  leadsOut: readonly Family[];
  /** It is the link that leads beyond it, for all families, and there are no gateways. */
  byLink?: true;
  /** Others than this engine's containers are on it. */
  shared: boolean;
  /** Of containers' links: `eth` for eth0, eth1 … */
  linkPrefix: string;
}

/** What a driver works with. */
export interface SegmentNeeds {
  options: NetworksOptions;
  store: RecordStore;
  filtered: FilteredBridges;
  host: () => NetlinkSocket;
}

export interface Segment {
  readonly record: NetworkRecord;
  /**
   * Brings it about, once, and completes the record by what was chosen.
   * @throws {FathomError} when it cannot be had: the next call tries again.
   */
  ready(): Promise<Junction>;
  /** Takes away what was made on the host. */
  remove(): void;
}

export interface Segments {
  /** Undefined for a network that needs nothing on the host. */
  of(network: NetworkRecord): Segment | undefined;
  /** Takes a network's away, and knows it no more. */
  remove(network: NetworkRecord): void;
}

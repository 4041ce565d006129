/**
 * A network of the drivers macvlan and ipvlan: containers' links are made on a link of the host and are in its network.
 *
 * Where the parent is named `eth0.10` and is not there, it is made as VLAN 10 of eth0, and taken away with the network. Without a
 * parent there is one that leads nowhere. No rule of ours sees the traffic: the host is not on its way.
 */

import {
  addLink,
  addSublink,
  deleteLink,
  findLink,
  IPVLAN_MODES,
  type LinkInfo,
  MACVLAN_MODES,
  type NetlinkSocket,
  setLink,
} from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import { linkName } from "./bridge_options.ts";
import type { NetworkRecord } from "./records.ts";
import type { Junction, Segment, SegmentNeeds } from "./segment.ts";

const SHORT = 12;
const MOST_VLANS = 4094;

/** Name of the parent that is asked for, or of the one that leads nowhere. @throws {FathomError} invalid */
export function parentOf({ Id, Options }: Pick<NetworkRecord, "Id" | "Options">): string {
  const parent = linkName(Options.parent ?? "");
  if (parent === "lo")
    throw new FathomError("invalid", "loopback interface is not a valid macvlan parent link");
  return parent || dummyName(Id);
}

function dummyName(id: string): string {
  return `dm-${id.slice(0, SHORT)}`;
}

/** @throws {FathomError} invalid, for a mode that there is none of. */
export function sublinkOf({ Driver, Options }: Pick<NetworkRecord, "Driver" | "Options">) {
  if (Driver === "ipvlan") {
    const mode = Options.ipvlan_mode || "l2";
    if (!isKey(IPVLAN_MODES, mode)) throw unknownMode(mode, Object.keys(IPVLAN_MODES));
    return { kind: "ipvlan", mode } as const;
  }
  const mode = Options.macvlan_mode || "bridge";
  if (!isKey(MACVLAN_MODES, mode)) throw unknownMode(mode, Object.keys(MACVLAN_MODES));
  return { kind: "macvlan", mode } as const;
}

function isKey<T extends object>(table: T, key: string): key is keyof T & string {
  return Object.hasOwn(table, key);
}

function unknownMode(mode: string, known: readonly string[]): FathomError {
  return new FathomError(
    "invalid",
    `requested mode '${mode}' is not valid: it is one of ${known.join(", ")}`,
  );
}

export function parentNetwork(record: NetworkRecord, { host, options }: SegmentNeeds): Segment {
  const sublink = sublinkOf(record);
  return {
    record,
    async ready(): Promise<Junction> {
      const link = findLink(host(), record.Link) ?? makeParent(host(), record);
      if (!link.up) setLink(host(), link, { up: true });
      const mtu = Number(record.Options["com.docker.network.driver.mtu"] ?? 0) || options.settings.mtu;
      return {
        ...sublink,
        name: link.name,
        index: link.index,
        mtu: mtu || link.mtu,
        ...wayOut(record, sublink),
        shared: true,
        linkPrefix: "eth",
      };
    },
    remove() {
      const link = record.Adopted ? undefined : findLink(host(), record.Link);
      if (link !== undefined) deleteLink(host(), record.Link);
    },
  };
}

/** Where packets are routed as they leave the container, everybody is behind its link; by a dummy nobody is. */
function wayOut(
  { Id, Link, Internal }: NetworkRecord,
  { mode }: ReturnType<typeof sublinkOf>,
): Pick<Junction, "leadsOut" | "byLink"> {
  if (Internal || Link === dummyName(Id)) return { leadsOut: [] };
  return mode === "l3" || mode === "l3s" ? { leadsOut: [], byLink: true } : { leadsOut: [4, 6] };
}

function makeParent(socket: NetlinkSocket, { Id, Link }: NetworkRecord): LinkInfo {
  if (Link === dummyName(Id)) addLink(socket, "dummy", { name: Link });
  else addVlan(socket, Link);
  const link = findLink(socket, Link);
  if (link === undefined)
    throw new FathomError("internal", `the link ${Link} that was just made is not there`);
  return link;
}

function addVlan(socket: NetlinkSocket, name: string): void {
  const [, trunk = "", vlan = ""] = /^(.+)\.(\d{1,4})$/.exec(name) ?? [];
  const id = Number(vlan);
  if (trunk === "" || id < 1 || id > MOST_VLANS)
    throw new FathomError(
      "invalid",
      `the parent interface ${name} was not found on this host; one that is to be made is named for its VLAN, for example eth0.10`,
    );
  const parent = findLink(socket, trunk);
  if (parent === undefined)
    throw new FathomError("invalid", `the parent interface ${trunk} of ${name} was not found on this host`);
  addSublink(socket, { kind: "vlan", id }, { name, parent: parent.index });
}

/**
 * The default bridge: a link of the host that containers' own links are ports of.
 *
 * Made when it is first needed, so that an engine without containers on it changes nothing of the host, and taken away when the
 * engine stops and nobody is on it. Which network it has is chosen once and kept, as long as nothing on the host is in its way.
 */

import { createHash } from "node:crypto";
import {
  addLink,
  deleteLink,
  findLink,
  listAddresses,
  listLinks,
  listRoutes,
  type NetlinkSocket,
} from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type AddressInSubnet, holds, overlapping, parseSubnet, type Subnet, subnetText } from "../std/ip.ts";
import { giveAddresses } from "./gateways.ts";
import { macOf } from "./mac.ts";
import { firstFree, usedOnHost } from "./pools.ts";
import type { BridgeSettings } from "./settings.ts";

/** A bridge that is there and up. */
export interface Bridge {
  name: string;
  index: number;
  mtu: number;
  address: AddressInSubnet;
}

const DEFAULT_NAME = "fathom0";
const DEFAULT_DATA_ROOT = "/var/lib/fathom";
const DEFAULT_MTU = 1500;
/** The table of routes that those without a policy are found in. */
const MAIN = 254;

/** The name of an engine's bridge and of its table of rules: its own where several engines run on one host. */
export function engineName(dataRoot: string): string {
  if (dataRoot === DEFAULT_DATA_ROOT) return DEFAULT_NAME;
  return `fathom-${createHash("sha256").update(dataRoot).digest("hex").slice(0, 8)}`;
}

/**
 * Finds the bridge, or makes it.
 * @param kept the network it had before
 * @throws {FathomError} unavailable, when no network is free; invalid, when the user named a bridge that is not there.
 */
export function openBridge(
  socket: NetlinkSocket,
  name: string,
  { settings, kept }: { settings: BridgeSettings; kept: AddressInSubnet | undefined },
): Bridge {
  if (settings.existing !== undefined) return bridgeOfUser(socket, settings.existing, settings);
  const found = findLink(socket, name);
  const has = found && addressesOf(socket, found.index)[0];
  const wanted = settings.address ?? kept;
  if (found && has && (wanted === undefined || sameAddress(has, wanted)))
    return { name, index: found.index, mtu: found.mtu, address: has };
  if (found) deleteLink(socket, name);
  return makeBridge(socket, name, { settings, wanted });
}

/** One that another engine chose the same network for at the same moment gives way, and chooses anew. */
const MOST_ATTEMPTS = 8;

function makeBridge(
  socket: NetlinkSocket,
  name: string,
  { settings, wanted }: { settings: BridgeSettings; wanted: AddressInSubnet | undefined },
): Bridge {
  const mtu = settings.mtu || engineMtu(socket);
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const address = chooseAddress(socket, settings, wanted);
    // An address of its own: it would have its ports' lowest otherwise, and change it under those that know it.
    addLink(socket, "bridge", { name, mtu, mac: macOf({ family: 4, value: address.address }), up: true });
    const link = findLink(socket, name);
    if (link === undefined) continue;
    giveAddresses(socket, link, [address]);
    if (settings.address !== undefined || isAlone(socket, link.index, address))
      return { name, index: link.index, mtu, address };
    deleteLink(socket, name);
  }
  throw new FathomError("unavailable", `no network could be had for the bridge ${name}: name one with --bip`);
}

/** Of two links that were given overlapping networks, the one that was made later gives way. */
function isAlone(socket: NetlinkSocket, index: number, network: Subnet): boolean {
  return !listAddresses(socket)
    .filter((other) => other.index < index)
    .some((other) => overlapping(network, parseSubnet(`${other.address}/${other.prefix}`)));
}

function chooseAddress(
  socket: NetlinkSocket,
  { address, pools }: BridgeSettings,
  wanted: AddressInSubnet | undefined,
): AddressInSubnet {
  if (address !== undefined) return address;
  const used = usedOnHost(socket, 4);
  if (wanted !== undefined && !used.some((other) => overlapping(wanted, other))) return wanted;
  const network = firstFree(pools, used);
  return { ...network, address: network.base + 1n };
}

function bridgeOfUser(socket: NetlinkSocket, name: string, settings: BridgeSettings): Bridge {
  const link = findLink(socket, name);
  const address = link && addressesOf(socket, link.index)[0];
  if (link === undefined || link.kind !== "bridge")
    throw new FathomError(
      "invalid",
      `--bridge ${name}: there is no such bridge; make it: ip link add ${name} type bridge`,
    );
  if (address === undefined)
    throw new FathomError(
      "invalid",
      `--bridge ${name}: it has no IPv4 address; give it one: ip addr add … dev ${name}`,
    );
  return { name, index: link.index, mtu: settings.mtu || link.mtu, address };
}

function addressesOf(socket: NetlinkSocket, index: number): AddressInSubnet[] {
  return listAddresses(socket)
    .filter((one) => one.index === index)
    .map((one) => parseSubnet(`${one.address}/${one.prefix}`));
}

function sameAddress(a: AddressInSubnet, b: AddressInSubnet): boolean {
  return a.address === b.address && a.prefix === b.prefix;
}

/** Of the link by which the host itself reaches the outside: a larger packet would not get there. */
export function engineMtu(socket: NetlinkSocket): number {
  const route = listRoutes(socket).find(({ prefix, table }) => prefix === 0 && table === MAIN);
  return listLinks(socket).find(({ index }) => index === route?.link)?.mtu ?? DEFAULT_MTU;
}

/** The part of the network that containers' addresses come from. @throws {FathomError} invalid */
export function rangeOf(bridge: Bridge, { range }: BridgeSettings): Subnet {
  if (range === undefined) return bridge.address;
  if (holds(bridge.address, { family: 4, value: range.base })) return range;
  throw new FathomError(
    "invalid",
    `--fixed-cidr ${subnetText(range)} is not in the bridge's network ${subnetText(bridge.address)}`,
  );
}

/**
 * A network of one's own of the driver bridge: a link of the host with the network's gateways for its addresses, and its rules.
 *
 * It is there from the network's creation, and made again when it is next used where a boot or the end of an engine took it away.
 */

import {
  addAddress,
  addLink,
  deleteLink,
  findLink,
  type LinkInfo,
  listAddresses,
  type NetlinkSocket,
  setLink,
  writeSysctl,
} from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type AddressInSubnet, type Family, parseIp, parseSubnet } from "../std/ip.ts";
import { engineMtu } from "./bridge.ts";
import { type BridgeOptions, readBridgeOptions } from "./bridge_options.ts";
import { forward } from "./default_network.ts";
import { macFor } from "./mac.ts";
import type { NetworkRecord } from "./records.ts";
import type { Junction, Segment, SegmentNeeds } from "./segment.ts";

/** A subnet of the network with the address that the bridge itself has in it. */
interface Gateway {
  address: string;
  subnet: AddressInSubnet;
}

export function bridgeNetwork(record: NetworkRecord, needs: SegmentNeeds): Segment {
  const { filtered, host, options } = needs;
  const wishes = readBridgeOptions(record.Options);
  const open = async (): Promise<Junction> => {
    const link = openLink(host(), record, { wishes, mtu: wishes.mtu || options.settings.mtu });
    forward(options.settings.forwarding, record.EnableIPv6 ? [4, 6] : [4]);
    filtered.put({
      link: record.Link,
      betweenContainers: wishes.betweenContainers,
      internal: record.Internal,
      subnets: record.Subnets.map(({ Subnet }) => parseSubnet(Subnet)),
      masqueraded: masqueraded(record, wishes),
    });
    await filtered.settled();
    return {
      kind: "bridge",
      name: link.name,
      index: link.index,
      mtu: link.mtu,
      isolated: !wishes.betweenContainers,
      leadsOut: leadsOut(record, wishes),
      shared: record.Adopted === true,
      linkPrefix: wishes.linkPrefix,
    };
  };
  let opening: Promise<Junction> | undefined;
  return {
    record,
    ready() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    remove() {
      opening = undefined;
      filtered.drop(record.Link);
      if (!record.Adopted && findLink(host(), record.Link)?.kind === "bridge")
        deleteLink(host(), record.Link);
    },
  };
}

/** Those whose containers' addresses mean nothing outside. */
function masqueraded(record: NetworkRecord, { masquerade, gatewayMode }: BridgeOptions): AddressInSubnet[] {
  if (!masquerade || record.Internal) return [];
  return record.Subnets.map(({ Subnet }) => parseSubnet(Subnet)).filter(
    ({ family }) => gatewayMode[family] === "nat",
  );
}

function leadsOut({ Internal }: NetworkRecord, { gatewayMode }: BridgeOptions): Family[] {
  return Internal ? [] : ([4, 6] as const).filter((family) => gatewayMode[family] !== "isolated");
}

/** Finds the bridge, or makes it; what was made is undone when a step fails. */
function openLink(
  socket: NetlinkSocket,
  record: NetworkRecord,
  { wishes, mtu }: { wishes: BridgeOptions; mtu: number },
): LinkInfo {
  using undo = new DisposableStack();
  const gateways = gatewaysOf(record, wishes);
  const found = findLink(socket, record.Link);
  if (found === undefined) {
    const mac = macFor(gateways.map(({ address }) => address));
    addLink(socket, "bridge", { name: record.Link, mtu: mtu || engineMtu(socket), mac });
    undo.defer(() => deleteLink(socket, record.Link));
  }
  const link = bridgeNamed(socket, record.Link);
  // In this order: a link that comes up has an address of IPv6 at once where that is not forbidden.
  settleIpv6(record, gateways);
  giveAddresses(socket, link, gateways);
  if (!link.up) setLink(socket, link, { up: true });
  undo.move();
  return link;
}

function bridgeNamed(socket: NetlinkSocket, name: string): LinkInfo {
  const link = findLink(socket, name);
  if (link?.kind === "bridge") return link;
  throw new FathomError(
    "forbidden",
    `the interface ${name} exists on this host and is not a bridge: name another with -o com.docker.network.bridge.name`,
  );
}

function giveAddresses(socket: NetlinkSocket, link: LinkInfo, gateways: readonly Gateway[]): void {
  for (const family of [4, 6] as const) {
    const wanted = gateways.filter(({ subnet }) => subnet.family === family);
    if (wanted.length === 0) continue;
    const has = listAddresses(socket, family).filter(({ index }) => index === link.index);
    for (const { address, subnet } of wanted)
      if (!has.some((one) => one.address === address))
        addAddress(socket, link, { address, prefix: subnet.prefix });
  }
}

/** Of an isolated network the bridge has no address: it joins containers and nobody else. */
function gatewaysOf(record: NetworkRecord, { gatewayMode }: BridgeOptions): Gateway[] {
  return record.Subnets.filter(({ Gateway }) => Gateway !== "")
    .map(({ Gateway, Subnet }) => ({ address: Gateway, subnet: parseSubnet(Subnet) }))
    .filter(({ subnet }) => gatewayMode[subnet.family] !== "isolated");
}

/** Without IPv6 the host is not in reach by it either; with it, the bridge believes no router that a container makes up. */
function settleIpv6({ Link, EnableIPv6 }: NetworkRecord, gateways: readonly Gateway[]): void {
  const family: Family = 6;
  const isOn = EnableIPv6 && gateways.some(({ address }) => parseIp(address).family === family);
  writeSysctl(`net/ipv6/conf/${Link}/accept_ra`, "0");
  writeSysctl(`net/ipv6/conf/${Link}/disable_ipv6`, isOn ? "0" : "1");
}

/**
 * A network of one's own of the driver bridge: a link of the host with the network's gateways for its addresses, and its rules.
 *
 * It is there from the network's creation, and made again when it is next used where a boot or the end of an engine took it away.
 */

import {
  addLink,
  deleteLink,
  findLink,
  type LinkInfo,
  type NetlinkSocket,
  setLink,
} from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type AddressInSubnet, type Family, parseIp, parseSubnet } from "../std/ip.ts";
import { engineMtu } from "./bridge.ts";
import { type BridgeOptions, readBridgeOptions } from "./bridge_options.ts";
import { forward } from "./default_network.ts";
import { giveAddresses, settleIpv6 } from "./gateways.ts";
import { macOf } from "./mac.ts";
import type { NetworkRecord } from "./records.ts";
import type { Junction, Segment, SegmentNeeds } from "./segment.ts";

/** For a bridge without an address. */
const NOWHERE = { family: 4, address: 0n } as const;

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
    const [{ family, address: value } = NOWHERE] = gateways;
    const mac = macOf({ family, value });
    addLink(socket, "bridge", { name: record.Link, mtu: mtu || engineMtu(socket), mac });
    undo.defer(() => deleteLink(socket, record.Link));
  }
  const link = bridgeNamed(socket, record.Link);
  // In this order: a link that comes up has an address of IPv6 at once where that is not forbidden.
  settleIpv6(record.Link, record.EnableIPv6 && gateways.some(({ family }) => family === 6));
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

/** Of an isolated network the bridge has no address: it joins containers and nobody else. */
function gatewaysOf(record: NetworkRecord, { gatewayMode }: BridgeOptions): AddressInSubnet[] {
  return record.Subnets.filter(({ Gateway }) => Gateway !== "")
    .map(({ Gateway, Subnet }) => ({ ...parseSubnet(Subnet), address: parseIp(Gateway).value }))
    .filter(({ family }) => gatewayMode[family] !== "isolated");
}

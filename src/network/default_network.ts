/** The network `bridge`: the bridge itself, named and numbered by the daemon's flags, and the rules for its traffic. */

import { deleteLink, listAddresses, type NetlinkSocket, readSysctl, writeSysctl } from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import {
  type AddressInSubnet,
  type Family,
  holds,
  ipText,
  overlapping,
  parseIp,
  parseSubnet,
  subnetText,
} from "../std/ip.ts";
import { type Bridge, engineName, openBridge, rangeOf } from "./bridge.ts";
import { giveAddresses, settleIpv6 } from "./gateways.ts";
import type { NetworksOptions } from "./options.ts";
import { firstFree, usedOnHost } from "./pools.ts";
import type { NetworkRecord } from "./records.ts";
import type { Segment, SegmentNeeds } from "./segment.ts";
import type { BridgeSettings } from "./settings.ts";

export function defaultNetwork(record: NetworkRecord, needs: SegmentNeeds): Segment {
  const { options, store, filtered, host } = needs;
  const { settings } = options;
  const name = engineName(options.dataRoot);

  const open = async (): Promise<Bridge> => {
    const bridge = openBridge(host(), name, {
      settings,
      kept: record.BridgeAddress === undefined ? undefined : parseSubnet(record.BridgeAddress),
    });
    const address6 = settings.ipv6 ? openIpv6(host(), bridge, { record, settings }) : undefined;
    const subnets = [bridge.address, ...(address6 ? [address6] : [])];
    forward(settings.forwarding, address6 ? [4, 6] : [4]);
    const { betweenContainers, masquerade } = settings;
    filtered.put({
      link: bridge.name,
      betweenContainers,
      internal: false,
      subnets,
      masqueraded: masquerade ? subnets : [],
    });
    await filtered.settled();
    describe(record, { bridge, address6 }, options);
    await store.saveNetwork(record);
    return bridge;
  };
  let opening: Promise<Bridge> | undefined;
  return {
    record,
    async ready() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      const { name: link, index, mtu } = await opening;
      const isolated = !settings.betweenContainers;
      return {
        kind: "bridge",
        name: link,
        index,
        mtu,
        isolated,
        leadsOut: [4, 6],
        shared: settings.existing !== undefined,
        linkPrefix: "eth",
      };
    },
    remove() {
      if (opening === undefined) return;
      opening = undefined;
      filtered.drop(record.Link);
      if (settings.existing === undefined) deleteLink(host(), name);
    },
  };
}

const FORWARDING: Readonly<Record<Family, string>> = {
  4: "net/ipv4/ip_forward",
  6: "net/ipv6/conf/all/forwarding",
};

/** Left on when the engine ends, as Docker leaves it: others may have come to rely on it. */
export function forward(wanted: boolean, families: readonly Family[]): void {
  if (!wanted) return;
  for (const family of families)
    if (readSysctl(FORWARDING[family]) !== "1") writeSysctl(FORWARDING[family], "1");
}

/** The bridge's own address of IPv6, in the network that was asked for, was had before, or is free. @throws {FathomError} */
function openIpv6(
  socket: NetlinkSocket,
  bridge: Bridge,
  { record, settings }: { record: NetworkRecord; settings: BridgeSettings },
): AddressInSubnet {
  const own = listAddresses(socket, 6)
    .filter(({ index, address }) => index === bridge.index && !holds(LINK_LOCAL, parseIp(address)))
    .map(({ address, prefix }) => parseSubnet(`${address}/${prefix}`));
  const { subnet6 } = settings;
  const has = subnet6 ? own.find((one) => subnetText(one) === subnetText(subnet6)) : own[0];
  if (has !== undefined) return has;
  if (settings.existing !== undefined)
    throw new FathomError(
      "invalid",
      `--bridge ${bridge.name}: it has no address of IPv6${subnet6 ? ` in ${subnetText(subnet6)}` : ""}; give it one: ip -6 addr add … dev ${bridge.name}`,
    );
  const subnet = subnet6 ?? freeSubnet6(socket, { record, settings });
  const address = { ...subnet, address: subnet.base + 1n };
  settleIpv6(bridge.name, true);
  giveAddresses(socket, bridge, [address]);
  return address;
}

const LINK_LOCAL = parseSubnet("fe80::/10");

function freeSubnet6(
  socket: NetlinkSocket,
  { record, settings }: { record: NetworkRecord; settings: BridgeSettings },
) {
  const used = usedOnHost(socket, 6);
  const before = record.Subnets.map(({ Subnet }) => parseSubnet(Subnet)).find(({ family }) => family === 6);
  const isFree = before !== undefined && !used.some((other) => overlapping(before, other));
  return isFree ? before : firstFree(settings.pools, used, 6);
}

/** What `network inspect` shows of it, under the names of Docker's options. */
function describe(
  record: NetworkRecord,
  { bridge, address6 }: { bridge: Bridge; address6: AddressInSubnet | undefined },
  { settings }: NetworksOptions,
): void {
  const range = rangeOf(bridge, settings);
  record.Link = bridge.name;
  record.EnableIPv6 = address6 !== undefined;
  record.BridgeAddress = `${addressText(bridge.address)}/${bridge.address.prefix}`;
  record.Subnets = [
    {
      Subnet: subnetText(bridge.address),
      Gateway: settings.gateway ?? addressText(bridge.address),
      ...(settings.range && { IPRange: subnetText(range) }),
      Chosen: true,
    },
    ...(address6
      ? [{ Subnet: subnetText(address6), Gateway: addressText(address6), Chosen: true as const }]
      : []),
  ];
  record.Options = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": String(settings.betweenContainers),
    "com.docker.network.bridge.enable_ip_masquerade": String(settings.masquerade),
    "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
    "com.docker.network.bridge.name": bridge.name,
    "com.docker.network.driver.mtu": String(bridge.mtu),
  };
}

function addressText({ family, address: value }: AddressInSubnet): string {
  return ipText({ family, value });
}

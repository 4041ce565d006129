/** The network `bridge`: the bridge itself, named and numbered by the daemon's flags, and the rules for its traffic. */

import { deleteLink, readSysctl, writeSysctl } from "../kernel/net/mod.ts";
import { type Family, parseSubnet } from "../std/ip.ts";
import { type Bridge, engineName, openBridge, rangeOf } from "./bridge.ts";
import { addressText, networkText, parseCidr } from "./ipv4.ts";
import type { NetworksOptions } from "./options.ts";
import type { NetworkRecord } from "./records.ts";
import type { Segment, SegmentNeeds } from "./segment.ts";

export function defaultNetwork(record: NetworkRecord, needs: SegmentNeeds): Segment {
  const { options, store, filtered, host } = needs;
  const { settings } = options;
  const name = engineName(options.dataRoot);

  const open = async (): Promise<Bridge> => {
    const bridge = openBridge(host(), name, {
      settings,
      kept: record.BridgeAddress === undefined ? undefined : parseCidr(record.BridgeAddress),
    });
    forward(settings.forwarding, [4]);
    const { betweenContainers, masquerade } = settings;
    const subnet = parseSubnet(networkText(bridge.address));
    filtered.put({
      link: bridge.name,
      betweenContainers,
      internal: false,
      subnets: [subnet],
      masqueraded: masquerade ? [subnet] : [],
    });
    await filtered.settled();
    describe(record, bridge, options);
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

/** What `network inspect` shows of it, under the names of Docker's options. */
function describe(record: NetworkRecord, bridge: Bridge, { settings }: NetworksOptions): void {
  const range = rangeOf(bridge, settings);
  record.Link = bridge.name;
  record.BridgeAddress = `${addressText(bridge.address.address)}/${bridge.address.prefix}`;
  record.Subnets = [
    {
      Subnet: networkText(bridge.address),
      Gateway: addressText(settings.gateway ?? bridge.address.address),
      ...(settings.range && { IPRange: networkText(range) }),
      Chosen: true,
    },
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

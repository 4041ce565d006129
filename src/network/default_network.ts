/**
 * The network `bridge`: the bridge itself, the rules for its traffic, and the addresses on it.
 *
 * `ready` brings all of it about, once; whoever needs an address of it waits for that.
 */

import {
  deleteLink,
  droppingForwardChains,
  type NetlinkSocket,
  readSysctl,
  writeSysctl,
} from "../kernel/net/mod.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { type Bridge, engineName, openBridge, rangeOf } from "./bridge.ts";
import { firewallTable } from "./firewall.ts";
import { addressText, lowestFree, networkText, parseAddress, parseCidr } from "./ipv4.ts";
import type { NetworksOptions } from "./options.ts";
import type { NetworkRecord, RecordStore } from "./records.ts";
import { openRules, type Rules } from "./rules.ts";

export interface DefaultNetwork {
  readonly record: NetworkRecord;
  /** The bridge, made at the first call. @throws {FathomError} when it cannot be had: the next call tries again. */
  ready(): Promise<Bridge>;
  /** The lowest address that nobody has; it is taken once a sandbox's record holds it. @throws {FathomError} unavailable */
  freeAddress(bridge: Bridge): number;
  gatewayOf(bridge: Bridge): string;
  warnings(): string[];
  /** Takes bridge and rules away, where this engine made them. */
  remove(): void;
  /** Lets go of both; they stay. */
  close(): void;
}

export function defaultNetwork(
  record: NetworkRecord,
  { options, store, host }: { options: NetworksOptions; store: RecordStore; host: () => NetlinkSocket },
): DefaultNetwork {
  const { settings } = options;
  const name = engineName(options.dataRoot);
  const rules = openRules(name, options);
  let opening: Promise<Bridge> | undefined;
  let warnings: string[] = [];
  const gatewayOf = (bridge: Bridge) => addressText(settings.gateway ?? bridge.address.address);

  const open = async (): Promise<Bridge> => {
    const bridge = openBridge(host(), name, {
      settings,
      kept: record.BridgeAddress === undefined ? undefined : parseCidr(record.BridgeAddress),
    });
    forward(settings.forwarding);
    warnings = filter(rules, { name, bridge, options });
    for (const warning of warnings) options.warn(warning);
    describe(record, bridge, { options, gateway: gatewayOf(bridge) });
    await store.saveNetwork(record);
    return bridge;
  };
  return {
    record,
    ready() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    freeAddress(bridge) {
      const taken = new Set([
        bridge.address.address,
        parseAddress(gatewayOf(bridge)),
        ...takenOn(record, store),
      ]);
      const address = lowestFree(bridge.address, rangeOf(bridge, settings), taken);
      if (address !== undefined) return address;
      throw new FathomError(
        "unavailable",
        `no available IPv4 addresses on this network's address pools: ${record.Name} (${record.Id}); remove containers, or give the bridge a larger network with --bip`,
      );
    },
    gatewayOf,
    warnings: () => warnings,
    remove() {
      if (opening === undefined) return;
      opening = undefined;
      if (settings.filter) rules.remove();
      if (settings.existing === undefined) deleteLink(host(), name);
    },
    close: () => rules.close(),
  };
}

function takenOn({ Id }: NetworkRecord, { sandboxes }: RecordStore): number[] {
  return [...sandboxes.values()].flatMap(({ Endpoints }) =>
    Endpoints.filter(({ Network, Address }) => Network === Id && Address !== "").map(({ Address }) =>
      parseAddress(Address),
    ),
  );
}

const IP_FORWARD = "net/ipv4/ip_forward";

/** Left on when the engine ends, as Docker leaves it: others may have come to rely on it. */
function forward(wanted: boolean): void {
  if (wanted && readSysctl(IP_FORWARD) !== "1") writeSysctl(IP_FORWARD, "1");
}

/** Puts the rules in place; what a user should know when that is not enough. */
function filter(
  rules: Rules,
  { name, bridge, options: { settings } }: { name: string; bridge: Bridge; options: NetworksOptions },
): string[] {
  if (!settings.filter) return [];
  try {
    rules.put(
      firewallTable(name, [
        {
          link: bridge.name,
          network: bridge.address,
          betweenContainers: settings.betweenContainers,
          masquerade: settings.masquerade,
        },
      ]),
    );
    return droppingForwardChains().map(
      ({ table, name: chain }) =>
        `WARNING: the chain ${chain} of table ${table} drops what it does not know, and with it what containers on ${bridge.name} send and receive; let it pass: nft insert rule ${table} ${chain} iifname "${bridge.name}" accept; nft insert rule ${table} ${chain} oifname "${bridge.name}" accept`,
    );
  } catch (error) {
    return [
      `WARNING: rules for ${bridge.name} cannot be set (${messageOf(error)}): containers reach each other and the host, but not the outside; the kernel needs nftables (CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ), or start the engine with --iptables=false and set rules of your own`,
    ];
  }
}

/** What `network inspect` shows of it, under the names of Docker's options. */
function describe(
  record: NetworkRecord,
  bridge: Bridge,
  { options, gateway }: { options: NetworksOptions; gateway: string },
): void {
  const { settings } = options;
  record.BridgeAddress = `${addressText(bridge.address.address)}/${bridge.address.prefix}`;
  record.Subnets = [
    {
      Subnet: networkText(bridge.address),
      Gateway: gateway,
      ...(settings.range && { IPRange: networkText(settings.range) }),
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

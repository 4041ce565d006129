/** How the default bridge is to be: dockerd's flags, checked. */

import { FathomError } from "../std/errors.ts";
import {
  type AddressInSubnet,
  type Family,
  holds,
  ipText,
  parseIp,
  parseSubnet,
  type Subnet,
} from "../std/ip.ts";
import type { BackendName } from "./backends/backend.ts";
import { checkPools, DEFAULT_POOLS, type Pool } from "./pools.ts";
import type { PortSettings } from "./ports/state.ts";

/** As given on the command line or in daemon.json; undefined where nothing was said. */
export interface NetworkFlags {
  /** Name of a bridge that is there already; `none` for no default network. */
  bridge: string | undefined;
  /** Address and network of the default bridge: `172.17.0.1/16`. */
  bip: string | undefined;
  /** Part of the network that containers' addresses are taken from. */
  fixedCidr: string | undefined;
  /** Containers on the default bridge have addresses of IPv6 too. */
  ipv6: boolean;
  /** Their network; undefined for one that is chosen. */
  fixedCidrV6: string | undefined;
  /** Where containers send what is for elsewhere, when not to the bridge itself. */
  defaultGateway: string | undefined;
  /** 0 for that of the host's default route. */
  mtu: number;
  /** Containers on the bridge reach each other. */
  icc: boolean;
  /** Switch the host's forwarding on. */
  ipForward: boolean;
  /** Containers reach the outside under the host's address. */
  ipMasq: boolean;
  /** Keep rules of packet filtering at all. */
  iptables: boolean;
  hostGatewayIp: string | undefined;
  defaultAddressPools: readonly Pool[] | undefined;
  /** Address at which ports are published where a container names none. */
  ip: string;
  /** What comes to a published port passes the host's own rules for what is for the host. */
  respectHostFirewall: boolean;
  /** What keeps the rules; undefined for nftables, and iptables where that cannot be had. */
  firewallBackend: string | undefined;
  /** Keep rules for IPv6 too. */
  ip6tables: boolean;
  /** Forward what comes by IPv6 to containers that have only IPv4. */
  userlandProxy: boolean;
}

export interface BridgeSettings {
  /** Nobody makes and nobody removes a bridge that the user named. */
  existing: string | undefined;
  disabled: boolean;
  address: AddressInSubnet | undefined;
  range: Subnet | undefined;
  gateway: string | undefined;
  ipv6: boolean;
  subnet6: Subnet | undefined;
  mtu: number;
  betweenContainers: boolean;
  forwarding: boolean;
  masquerade: boolean;
  filter: boolean;
  respectHostFirewall: boolean;
  firewallBackend: BackendName | undefined;
  hostGateway: string | undefined;
  pools: readonly Pool[];
  ports: PortSettings;
}

const LEAST_MTU = 68;
const MOST_MTU = 65_535;
/** IFNAMSIZ without the NUL. */
const LONGEST_NAME = 15;

/** @throws {FathomError} invalid, naming the flag that is wrong. */
export function readSettings(flags: NetworkFlags): BridgeSettings {
  const { bridge } = flags;
  if (bridge !== undefined && flags.bip !== undefined)
    throw new FathomError(
      "invalid",
      "You specified -b & --bip, mutually exclusive options. Please specify only one",
    );
  if (bridge !== undefined && !/^[^/\s:]+$/.test(bridge.slice(0, LONGEST_NAME + 1)))
    throw new FathomError("invalid", `--bridge: not the name of a link: ${JSON.stringify(bridge)}`);
  if (flags.mtu !== 0 && !(flags.mtu >= LEAST_MTU && flags.mtu <= MOST_MTU))
    throw new FathomError("invalid", `--mtu must be between ${LEAST_MTU} and ${MOST_MTU}: ${flags.mtu}`);
  const pools = flags.defaultAddressPools ?? DEFAULT_POOLS;
  checkPools(pools);
  if (flags.hostGatewayIp !== undefined) parseIp(flags.hostGatewayIp);
  const address = flags.bip === undefined ? undefined : bridgeAddress(flags.bip);
  return {
    existing: bridge === "none" ? undefined : bridge,
    disabled: bridge === "none",
    address,
    range: flags.fixedCidr === undefined ? undefined : subnetOf(4, "--fixed-cidr", flags.fixedCidr),
    gateway: flags.defaultGateway === undefined ? undefined : gatewayIn(flags.defaultGateway, address),
    ipv6: flags.ipv6,
    subnet6: flags.fixedCidrV6 === undefined ? undefined : subnet6Of(flags.fixedCidrV6),
    mtu: flags.mtu,
    betweenContainers: flags.icc,
    forwarding: flags.ipForward,
    masquerade: flags.ipMasq,
    filter: flags.iptables,
    respectHostFirewall: flags.respectHostFirewall,
    firewallBackend: backendOf(flags),
    hostGateway: flags.hostGatewayIp,
    pools,
    ports: {
      defaultAddress: ipText(parseIp(flags.ip)),
      ipv6: flags.ip6tables,
      forward: flags.userlandProxy,
    },
  };
}

function backendOf({ firewallBackend: name, respectHostFirewall }: NetworkFlags): BackendName | undefined {
  if (name !== undefined && name !== "nftables" && name !== "iptables")
    throw new FathomError("invalid", `--firewall-backend must be nftables or iptables: ${name}`);
  if (name === "iptables" && respectHostFirewall)
    throw new FathomError(
      "invalid",
      "--respect-host-firewall takes nftables, by which the host's own rules are asked: leave out --firewall-backend=iptables",
    );
  return name;
}

const EXAMPLE: Readonly<Record<Family, string>> = { 4: "172.17.0.0/16", 6: "fd00:1::/64" };
/** The longest prefixes that leave room for the bridge and a container. */
const LONGEST_PREFIX: Readonly<Record<Family, number>> = { 4: 30, 6: 126 };

function subnetOf(family: Family, flag: string, text: string): AddressInSubnet {
  const subnet = parseSubnet(text);
  if (subnet.family === family) return subnet;
  throw new FathomError(
    "invalid",
    `${flag} ${text} is not of IPv${family}: give one like ${EXAMPLE[family]}`,
  );
}

function bridgeAddress(bip: string): AddressInSubnet {
  const address = subnetOf(4, "--bip", bip);
  if (address.address !== address.base && address.prefix <= LONGEST_PREFIX[4]) return address;
  throw new FathomError(
    "invalid",
    `--bip ${bip} names a network: give the bridge's own address in it, as in 172.17.0.1/16`,
  );
}

function subnet6Of(text: string): Subnet {
  const subnet = subnetOf(6, "--fixed-cidr-v6", text);
  if (subnet.prefix <= LONGEST_PREFIX[6]) return subnet;
  throw new FathomError(
    "invalid",
    `--fixed-cidr-v6 ${text} has no room for containers: give one of at most /${LONGEST_PREFIX[6]}`,
  );
}

function gatewayIn(text: string, address: AddressInSubnet | undefined): string {
  const gateway = parseIp(text);
  const isIn = address === undefined ? gateway.family === 4 : holds(address, gateway);
  if (isIn) return ipText(gateway);
  throw new FathomError("invalid", `--default-gateway ${text} is not in the network of --bip`);
}

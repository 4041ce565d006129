/** The daemon's flags for networks, dockerd's by name and meaning, and the same in daemon.json. */

import type { NetworkFlags } from "../network/mod.ts";
import { FathomError } from "../std/errors.ts";

export const NETWORK_DEFAULTS: NetworkFlags = {
  bridge: undefined,
  bip: undefined,
  fixedCidr: undefined,
  ipv6: false,
  fixedCidrV6: undefined,
  defaultGateway: undefined,
  mtu: 0,
  icc: true,
  ipForward: true,
  ipMasq: true,
  iptables: true,
  firewallBackend: undefined,
  hostGatewayIp: undefined,
  defaultAddressPools: undefined,
  ip: "0.0.0.0",
  ip6tables: true,
  respectHostFirewall: false,
  userlandProxy: true,
};

/** Flag and daemon.json key to setting. The pools are singular on the command line, as dockerd has it. */
export const NETWORK_DIRECTIVES = {
  bridge: "bridge",
  bip: "bip",
  "fixed-cidr": "fixedCidr",
  ipv6: "ipv6",
  "fixed-cidr-v6": "fixedCidrV6",
  "default-gateway": "defaultGateway",
  mtu: "mtu",
  icc: "icc",
  "ip-forward": "ipForward",
  "ip-masq": "ipMasq",
  iptables: "iptables",
  "firewall-backend": "firewallBackend",
  "host-gateway-ip": "hostGatewayIp",
  "default-address-pool": "defaultAddressPools",
  "default-address-pools": "defaultAddressPools",
  ip: "ip",
  ip6tables: "ip6tables",
  "respect-host-firewall": "respectHostFirewall",
  "userland-proxy": "userlandProxy",
} as const satisfies Record<string, keyof NetworkFlags>;

/** For parseArgs. */
export const NETWORK_OPTIONS = {
  bridge: { type: "string", short: "b" },
  bip: { type: "string" },
  "fixed-cidr": { type: "string" },
  ipv6: { type: "boolean" },
  "fixed-cidr-v6": { type: "string" },
  "default-gateway": { type: "string" },
  mtu: { type: "string" },
  icc: { type: "boolean" },
  "ip-forward": { type: "boolean" },
  "ip-masq": { type: "boolean" },
  iptables: { type: "boolean" },
  "firewall-backend": { type: "string" },
  "host-gateway-ip": { type: "string" },
  "default-address-pool": { type: "string", multiple: true },
  ip: { type: "string" },
  ip6tables: { type: "boolean" },
  "respect-host-firewall": { type: "boolean" },
  "userland-proxy": { type: "boolean" },
} as const;

export const NETWORK_USAGE = `  -b, --bridge string            Bridge of the host to attach containers to; none for no default network
      --bip string               Address and network of the default bridge, as in 172.17.0.1/16
      --default-address-pool p   Networks to choose from: base=172.30.0.0/16,size=24
      --default-gateway string   Gateway of containers on the default bridge (default the bridge itself)
      --firewall-backend name    What keeps the rules: nftables or iptables (default nftables where the kernel has it)
      --fixed-cidr string        Part of the bridge's network that containers' addresses come from
      --fixed-cidr-v6 string     Network of the default bridge's addresses of IPv6 (default one that is chosen)
      --host-gateway-ip string   Address that host-gateway stands for (default the bridge's)
      --icc                      Let containers on the default bridge reach each other (default true)
      --ip ip                    Address at which ports are published that name none (default 0.0.0.0)
      --ip-forward               Switch the host's forwarding on (default true)
      --ip-masq                  Let containers reach the outside under the host's address (default true)
      --ip6tables                Publish ports at addresses of IPv6 too (default true)
      --iptables                 Keep rules for what containers send and receive (default true)
      --ipv6                     Give containers on the default bridge addresses of IPv6 too
      --mtu int                  Largest packet of the default bridge (default that of the host's default route)
      --respect-host-firewall    Ask the host's own rules about published ports first, as if the host served them
      --userland-proxy           Forward what comes by IPv6 to containers that have only IPv4 (default true)
`;

/** `--icc=false` as parseArgs knows it: `--no-icc`. */
export function negated(argv: readonly string[]): string[] {
  return argv.map((argument) => {
    const [, name = "", value] = /^--([a-z\d-]+)=(true|false)$/.exec(argument) ?? [];
    const isBoolean = Object.entries(NETWORK_OPTIONS).some(
      ([flag, { type }]) => flag === name && type === "boolean",
    );
    if (!isBoolean) return argument;
    return value === "true" ? `--${name}` : `--no-${name}`;
  });
}

/** The value of a flag as the setting is kept. @throws {FathomError} invalid */
export function fromFlag(key: keyof NetworkFlags, value: unknown): unknown {
  if (key === "mtu") return wholeNumber(value);
  return key === "defaultAddressPools" && Array.isArray(value) ? value.map(poolOf) : value;
}

function wholeNumber(value: unknown): number {
  if (typeof value === "string" && /^\d{1,6}$/.test(value)) return Number(value);
  throw new FathomError("invalid", `--mtu must be a whole number: ${value}`);
}

function poolOf(text: string): { base: string; size: number } {
  const [, base, size] = /^base=([\d./]+),size=(\d{1,2})$/.exec(text) ?? [];
  if (base !== undefined && size !== undefined) return { base, size: Number(size) };
  throw new FathomError("invalid", `--default-address-pool ${text}: write base=172.30.0.0/16,size=24`);
}

/** Checks a value of daemon.json; false for a key that is not about networks. @throws {FathomError} invalid */
export function checkNetworkValue(key: string, value: unknown, name: string): boolean {
  if (!(key in NETWORK_DEFAULTS)) return false;
  const kind = KINDS[key as keyof NetworkFlags];
  if (kind.is(value)) return true;
  throw new FathomError("invalid", `${name} must be ${kind.words}`);
}

interface Kind {
  words: string;
  is: (value: unknown) => boolean;
}

const TEXT: Kind = { words: "a string", is: (value) => typeof value === "string" };
const FLAG: Kind = { words: "a boolean", is: (value) => typeof value === "boolean" };

const KINDS: Record<keyof NetworkFlags, Kind> = {
  bridge: TEXT,
  bip: TEXT,
  fixedCidr: TEXT,
  ipv6: FLAG,
  fixedCidrV6: TEXT,
  defaultGateway: TEXT,
  mtu: { words: "a whole number", is: Number.isInteger },
  icc: FLAG,
  ipForward: FLAG,
  ipMasq: FLAG,
  iptables: FLAG,
  firewallBackend: TEXT,
  hostGatewayIp: TEXT,
  ip: TEXT,
  ip6tables: FLAG,
  respectHostFirewall: FLAG,
  userlandProxy: FLAG,
  defaultAddressPools: { words: 'a list of {"base": "172.30.0.0/16", "size": 24}', is: isPoolList },
};

function isPoolList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isPool);
}

function isPool(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return (
    "base" in value && typeof value.base === "string" && "size" in value && typeof value.size === "number"
  );
}

/** The daemon's flags for how containers find names that say nothing of it, dockerd's by name and meaning, and the same in daemon.json. */

import { isIP } from "node:net";
import type { ContainerDefaults } from "../container/needs.ts";
import { FathomError } from "../std/errors.ts";

export interface DnsFlags {
  dns: readonly string[];
  dnsSearch: readonly string[];
  dnsOpts: readonly string[];
}

export const DNS_DEFAULTS: DnsFlags = { dns: [], dnsSearch: [], dnsOpts: [] };

/** Flag and daemon.json key to setting. The options are singular on the command line, as dockerd has it. */
export const DNS_DIRECTIVES = {
  dns: "dns",
  "dns-search": "dnsSearch",
  "dns-opt": "dnsOpts",
  "dns-opts": "dnsOpts",
} as const satisfies Record<string, keyof DnsFlags>;

/** For parseArgs. */
export const DNS_OPTIONS = {
  dns: { type: "string", multiple: true },
  "dns-search": { type: "string", multiple: true },
  "dns-opt": { type: "string", multiple: true },
} as const;

export const DNS_USAGE = `      --dns list                 Name servers of containers (default the host's)
      --dns-opt list             Options of their resolv.conf (default the host's)
      --dns-search list          Domains they search names in (default the host's)
`;

/** Whether the key is one of these; checks the type of its value. @throws {FathomError} invalid */
export function checkDnsValue(key: string, value: unknown, name: string): boolean {
  if (!(key in DNS_DEFAULTS)) return false;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return true;
  throw new FathomError("invalid", `${name} must be a list of strings`);
}

/** @throws {FathomError} invalid, for a server that is no address. */
export function namesOf({ dns, dnsSearch, dnsOpts }: DnsFlags): ContainerDefaults["names"] {
  const wrong = dns.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw new FathomError("invalid", `dns: ${wrong} is not an ip address`);
  return { servers: dns, search: dnsSearch, options: dnsOpts };
}

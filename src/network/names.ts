/**
 * Who finds names, and what a container's resolver asks by (ContainerTable of dns/contract.ts), as it follows from the records. Pure.
 *
 * Names are found on networks that a user has made: endpoints there have names by which others find them, others have none.
 */

import type { ContainerTable } from "../dns/contract.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord } from "./records.ts";

const HOST_NAME = "host.docker.internal";
/** Digits of an ID by which a container is found. */
const SHORT = 12;

/** Whether a container has a resolver of ours. */
export function resolvesNames({ Endpoints }: Pick<SandboxRecord, "Endpoints">): boolean {
  return Endpoints.some(hasNames);
}

function hasNames({ DnsNames }: EndpointRecord): boolean {
  return DnsNames.length > 0;
}

/** Those that it has. */
export function addressesOf({ Address, Address6 }: Pick<EndpointRecord, "Address" | "Address6">): string[] {
  return [Address, Address6].filter((address) => address !== "");
}

/**
 * What one container asks by. On internal networks alone nothing is asked for elsewhere: names could carry out what the network
 * keeps in (CVE-2024-29018).
 * @param gateway under which the host is reached, where that is not each network's own
 */
export function containerTable(
  { Endpoints, Resolver }: SandboxRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
  gateway: string | undefined,
): ContainerTable {
  const named = Endpoints.filter(hasNames);
  const records = Endpoints.flatMap(({ Network }) => networks.get(Network) ?? []);
  const hosts = gateway === undefined ? gatewaysOf(named, networks) : [gateway];
  return {
    networks: named.map(({ Network, Asked }) => ({ id: Network, links: linksOf(Asked.Links ?? []) })),
    extra: hosts.length === 0 ? {} : { [HOST_NAME]: hosts },
    servers: Resolver?.Servers ?? [],
    forward: records.some(({ Internal }) => !Internal),
    ndots: Resolver?.Ndots ?? false,
  };
}

/** Of the first network through which the host can be reached. */
function gatewaysOf(
  endpoints: readonly EndpointRecord[],
  networks: ReadonlyMap<string, NetworkRecord>,
): string[] {
  for (const { Network } of endpoints) {
    const network = networks.get(Network);
    const gateways = (network?.Subnets ?? []).map(({ Gateway }) => Gateway).filter((one) => one !== "");
    if (network?.Driver === "bridge" && gateways.length > 0) return gateways;
  }
  return [];
}

/** `NAME:ALIAS`, each by its alias; a container's ID stands for its name. */
function linksOf(links: readonly string[]): Record<string, string> {
  const pairs = links.map((link) => {
    const [name = "", alias = name] = link.replace(/^\//, "").toLowerCase().split(":");
    return [alias, /^[0-9a-f]{64}$/.test(name) ? name.slice(0, SHORT) : name];
  });
  return Object.fromEntries(pairs);
}

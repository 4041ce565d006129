/** Where a registry is spoken to: its mirrors first, then itself; and whether it needs a valid certificate. */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { contains, parseNetwork } from "./_cidr.ts";
import type { RegistrySettings } from "./settings.ts";

export interface Endpoint {
  /** Host with port where given: what certificates and credentials are found by. */
  host: string;
  /** What comes before `/v2/` without the scheme: host and, for some mirrors, a path. */
  base: string;
  /** Schemes to try, in this order. */
  schemes: readonly ("https" | "http")[];
  mirror: boolean;
  insecure: boolean;
}

/** The registry whose references have no host. */
export const DOCKER_HUB = "docker.io";
const HUB_HOST = "registry-1.docker.io";
const HUB_NAMES = [DOCKER_HUB, "index.docker.io"];
/** This host's own addresses, which Docker takes without a certificate whatever its configuration says. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/** @param domain a registry's name as it stands in references */
export async function endpointsOf(
  domain: string,
  settings: RegistrySettings,
  { mirrors }: { mirrors: boolean },
): Promise<Endpoint[]> {
  const isHub = HUB_NAMES.includes(domain);
  const own = await originOf(isHub ? HUB_HOST : domain, settings, domain);
  if (!mirrors) return [own];
  const named = [...(settings.registries[domain]?.mirrors ?? []), ...(isHub ? settings.mirrors : [])];
  return [...(await Promise.all(named.map((mirror) => mirrorAt(mirror, settings)))), own];
}

async function originOf(host: string, settings: RegistrySettings, domain: string): Promise<Endpoint> {
  const insecure = settings.registries[domain]?.insecure ?? (await isInsecure(host, settings));
  const schemes = insecure ? (["https", "http"] as const) : (["https"] as const);
  return { host, base: host, schemes, mirror: false, insecure };
}

async function mirrorAt(mirror: string, settings: RegistrySettings): Promise<Endpoint> {
  const url = new URL(mirror);
  const insecure = settings.registries[url.host]?.insecure ?? (await isInsecure(url.host, settings));
  const scheme = url.protocol === "http:" ? "http" : "https";
  const base = `${url.host}${url.pathname.replace(/\/+$/, "")}`;
  return { host: url.host, base, schemes: [scheme], mirror: true, insecure };
}

async function isInsecure(host: string, { insecure }: RegistrySettings): Promise<boolean> {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (insecure.some((one) => one === host || one === name)) return true;
  const networks = [...LOOPBACK, ...insecure].map(parseNetwork).filter((network) => network !== undefined);
  const addresses = isIP(name) === 0 ? await addressesOf(name) : [name];
  return addresses.some((address) => networks.some((network) => contains(network, address)));
}

/** None for a name that nobody knows: the request itself will say so. */
async function addressesOf(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

/** What an administrator says of registries: mirrors, whom to trust, proxies, how patient to be. */

import type { ProxySettings } from "./proxies.ts";

/** What is known of one registry beyond its name; `registries` in daemon.json. */
export interface RegistryOptions {
  /** Asked first, in this order, for pulls: `https://mirror.example` or with a path below which `/v2/` lies. */
  mirrors?: readonly string[];
  /** Its certificate is not verified, and plain HTTP will do where TLS fails. */
  insecure?: boolean;
}

export interface RegistrySettings {
  /** Mirrors of docker.io. */
  mirrors: readonly string[];
  /** Hosts, hosts with port, and networks in CIDR notation that need no valid certificate. */
  insecure: readonly string[];
  /** By the registry's name as it stands in references. */
  registries: Readonly<Record<string, RegistryOptions>>;
  /** Each may hold `HOST[:PORT]/{*.crt,*.cert,*.key}`. */
  certificateDirectories: readonly string[];
  proxies: ProxySettings;
  /** How often a request or a layer is tried in all. */
  attempts: number;
  /** Milliseconds before the second try; doubled before each further one. */
  backoffMs: number;
  /** Milliseconds without a byte after which a connection is given up. */
  stallMs: number;
}

export const REGISTRY_DEFAULTS: RegistrySettings = {
  mirrors: [],
  insecure: [],
  registries: {},
  certificateDirectories: ["/etc/docker/certs.d", "/etc/fathom/certs.d"],
  proxies: {},
  attempts: 5,
  backoffMs: 500,
  stallMs: 60_000,
};

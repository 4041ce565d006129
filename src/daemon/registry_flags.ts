/** The daemon's flags for registries, dockerd's by name and meaning, and the same in daemon.json. */

import {
  type ProxySettings,
  proxiesOf,
  REGISTRY_DEFAULTS,
  type RegistryOptions,
  type RegistrySettings,
} from "../registry/mod.ts";
import { FathomError } from "../std/errors.ts";

export interface RegistryFlags {
  registryMirrors: string[];
  insecureRegistries: string[];
  /** By name; in the file only. */
  registries: Record<string, RegistryOptions>;
  maxConcurrentDownloads: number;
  maxConcurrentUploads: number;
  maxDownloadAttempts: number;
}

export const REGISTRY_FLAG_DEFAULTS: RegistryFlags = {
  registryMirrors: [],
  insecureRegistries: [],
  registries: {},
  maxConcurrentDownloads: 3,
  maxConcurrentUploads: 5,
  maxDownloadAttempts: REGISTRY_DEFAULTS.attempts,
};

/** Flag and daemon.json key to setting. The lists are singular on the command line, as dockerd has it. */
export const REGISTRY_DIRECTIVES = {
  "registry-mirror": "registryMirrors",
  "registry-mirrors": "registryMirrors",
  "insecure-registry": "insecureRegistries",
  "insecure-registries": "insecureRegistries",
  registries: "registries",
  "max-concurrent-downloads": "maxConcurrentDownloads",
  "max-concurrent-uploads": "maxConcurrentUploads",
  "max-download-attempts": "maxDownloadAttempts",
} as const satisfies Record<string, keyof RegistryFlags>;

/** For parseArgs. */
export const REGISTRY_OPTIONS = {
  "registry-mirror": { type: "string", multiple: true },
  "insecure-registry": { type: "string", multiple: true },
  "max-concurrent-downloads": { type: "string" },
  "max-concurrent-uploads": { type: "string" },
  "max-download-attempts": { type: "string" },
} as const;

export const REGISTRY_USAGE = `      --insecure-registry list        Registry or network (CIDR) that needs no valid certificate
      --max-concurrent-downloads int  Layers of a pull at a time (default 3)
      --max-concurrent-uploads int    Layers of a push at a time (default 5)
      --max-download-attempts int     How often a download is tried (default 5)
      --registry-mirror list          Mirror of docker.io that is asked first
`;

/** The value of a flag as the setting is kept. @throws {FathomError} invalid */
export function registryValue(key: keyof RegistryFlags, value: unknown): unknown {
  if (!key.startsWith("max")) return value;
  if (typeof value === "string" && /^\d{1,4}$/.test(value)) return Number(value);
  throw new FathomError("invalid", `--${nameOf(key)} must be a whole number: ${value}`);
}

/** Checks a value of daemon.json; false for a key that is not about registries. @throws {FathomError} invalid */
export function checkRegistryValue(key: string, value: unknown, name: string): boolean {
  if (!(key in REGISTRY_FLAG_DEFAULTS)) return false;
  if (key.startsWith("max")) {
    if (Number.isInteger(value)) return true;
    throw new FathomError("invalid", `${name} must be a whole number`);
  }
  if (key === "registries" ? isTable(value) : isTexts(value)) return true;
  const kind =
    key === "registries"
      ? 'an object: {"HOST": {"mirrors": ["https://…"], "insecure": true}}'
      : "a list of strings";
  throw new FathomError("invalid", `${name} must be ${kind}`);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isTable(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one: unknown) => {
    const { mirrors = [], insecure = false, ...others } = Object(one);
    return isTexts(mirrors) && typeof insecure === "boolean" && Object.keys(others).length === 0;
  });
}

function nameOf(key: keyof RegistryFlags): string {
  return Object.entries(REGISTRY_DIRECTIVES).find(([, one]) => one === key)?.[0] ?? key;
}

/** @throws {FathomError} invalid, naming the directive that is wrong. */
export function checkRegistryFlags(flags: RegistryFlags): void {
  for (const key of ["maxConcurrentDownloads", "maxConcurrentUploads", "maxDownloadAttempts"] as const) {
    if (flags[key] >= 1) continue;
    throw new FathomError("invalid", `${nameOf(key)} must be at least 1: ${flags[key]}`);
  }
  const named = Object.values(flags.registries).flatMap(({ mirrors = [] }) => mirrors);
  for (const mirror of [...flags.registryMirrors, ...named]) checkMirror(mirror);
  for (const one of flags.insecureRegistries) {
    if (!/^https?:\/\//.test(one) && /^[\w.:[\]-]+(?:\/\d{1,3})?$/.test(one)) continue;
    throw new FathomError(
      "invalid",
      `insecure registry ${one} should not contain '://': write HOST[:PORT] or a network as 10.0.0.0/8`,
    );
  }
}

function checkMirror(mirror: string): void {
  const url = URL.parse(mirror);
  const why =
    url === null || !["http:", "https:"].includes(url.protocol)
      ? "unsupported scheme: write http:// or https://"
      : url.search !== "" || url.hash !== ""
        ? "it has a query or a fragment"
        : url.username !== "" || url.password !== ""
          ? "it has a password: log in at the mirror instead"
          : undefined;
  if (why !== undefined) throw new FathomError("invalid", `invalid mirror ${JSON.stringify(mirror)}: ${why}`);
}

/**
 * The proxies that the environment names, which are gone from it then: Bun's fetch would obey them by rules of its own, even for this
 * host.
 */
export function takeProxies(environment: NodeJS.ProcessEnv): ProxySettings {
  const proxies = proxiesOf(environment);
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]) {
    delete environment[name];
    delete environment[name.toLowerCase()];
  }
  return proxies;
}

export function registrySettings(flags: RegistryFlags, proxies: ProxySettings): RegistrySettings {
  return {
    ...REGISTRY_DEFAULTS,
    mirrors: flags.registryMirrors,
    insecure: flags.insecureRegistries,
    registries: flags.registries,
    attempts: flags.maxDownloadAttempts,
    proxies,
  };
}

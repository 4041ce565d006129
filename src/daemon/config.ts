/**
 * What the daemon was told: flags and daemon.json, with dockerd's names where the meaning is the same.
 *
 * A directive may stand in one of the two places, not in both; one that nobody knows is refused by name (dockerd(8)).
 */

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type NetworkFlags, readSettings } from "../network/mod.ts";
import type { ProxySettings } from "../registry/mod.ts";
import { FathomError } from "../std/errors.ts";
import {
  CONTAINER_DEFAULTS,
  CONTAINER_DIRECTIVES,
  CONTAINER_OPTIONS,
  CONTAINER_USAGE,
  type ContainerFlags,
  checkContainerValue,
} from "./container_flags.ts";
import { logOptions } from "./log_options.ts";
import {
  checkNetworkValue,
  fromFlag,
  NETWORK_DEFAULTS,
  NETWORK_DIRECTIVES,
  NETWORK_OPTIONS,
  NETWORK_USAGE,
  negated,
} from "./network_flags.ts";
import {
  checkRegistryFlags,
  checkRegistryValue,
  REGISTRY_DIRECTIVES,
  REGISTRY_FLAG_DEFAULTS,
  REGISTRY_OPTIONS,
  REGISTRY_USAGE,
  type RegistryFlags,
  registryValue,
  takeProxies,
} from "./registry_flags.ts";
import { trashSettings } from "./trash_flags.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "fatal";

export interface DaemonConfig extends NetworkFlags, ContainerFlags, RegistryFlags {
  /** Where to listen: `unix:///path` and `tcp://host:port`. */
  hosts: string[];
  /** What must outlive a boot. */
  dataRoot: string;
  /** What need not. */
  execRoot: string;
  pidfile: string;
  /** Group that may use the unix sockets; undefined: `docker` or `fathom`, whichever exists. */
  group: string | undefined;
  logLevel: LogLevel;
  /** `native`, `crun`, `runc` or the path of an OCI runtime. */
  defaultRuntime: string;
  /** How containers' roots are made; undefined: as they were made, or as the file system is best at. */
  storageDriver: string | undefined;
  /** The object of daemon.json: see trash_flags.ts. */
  trash: unknown;
  /** The log driver of containers that name none, and its options. */
  logDriver: string;
  logOpts: Record<string, string>;
  /** Whom containers' users are on the host: `default`, a user or uid with an optional group; undefined: themselves. */
  usernsRemap: string | undefined;
  /** Allow TCP without TLS on an address that is not loopback. */
  allowInsecureTcp: boolean;
  /** From the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY. */
  proxies: ProxySettings;
}

const DEFAULTS: DaemonConfig = {
  hosts: ["unix:///var/run/fathom.sock"],
  dataRoot: "/var/lib/fathom",
  execRoot: "/run/fathom",
  pidfile: "/run/fathom.pid",
  group: undefined,
  logLevel: "info",
  defaultRuntime: "native",
  storageDriver: undefined,
  trash: undefined,
  logDriver: "json-file",
  logOpts: {},
  usernsRemap: undefined,
  allowInsecureTcp: false,
  ...NETWORK_DEFAULTS,
  ...CONTAINER_DEFAULTS,
  ...REGISTRY_FLAG_DEFAULTS,
  proxies: {},
};

const DEFAULT_CONFIG_FILE = "/etc/fathom/daemon.json";
const LOG_LEVELS: readonly string[] = ["debug", "info", "warn", "error", "fatal"] satisfies LogLevel[];

/** Flag and daemon.json key to the setting it sets. `hosts` is `--host` on the command line, as dockerd has it. */
const DIRECTIVES = {
  host: "hosts",
  hosts: "hosts",
  "data-root": "dataRoot",
  "exec-root": "execRoot",
  pidfile: "pidfile",
  group: "group",
  "log-level": "logLevel",
  "default-runtime": "defaultRuntime",
  "storage-driver": "storageDriver",
  trash: "trash",
  "log-driver": "logDriver",
  "log-opt": "logOpts",
  "log-opts": "logOpts",
  "userns-remap": "usernsRemap",
  "allow-insecure-tcp": "allowInsecureTcp",
  ...NETWORK_DIRECTIVES,
  ...CONTAINER_DIRECTIVES,
  ...REGISTRY_DIRECTIVES,
} as const satisfies Record<string, keyof DaemonConfig>;

export const USAGE = `Usage:  fathom daemon [OPTIONS]

Run the engine

Options:
      --allow-insecure-tcp       Allow TCP without TLS on an address other than loopback
      --config-file string       Daemon configuration file (default "${DEFAULT_CONFIG_FILE}")
      --data-root string         Root directory of persistent state (default "${DEFAULTS.dataRoot}")
      --default-runtime string   OCI runtime for containers: native, crun, runc or a path (default "${DEFAULTS.defaultRuntime}")
      --exec-root string         Root directory for execution state files (default "${DEFAULTS.execRoot}")
  -G, --group string             Group for the unix socket (default "docker" or "fathom", whichever exists)
  -H, --host list                Daemon socket(s) to listen on (default ${DEFAULTS.hosts[0]})
      --log-driver string        Default driver for container logs (default "${DEFAULTS.logDriver}")
      --log-opt name=value       Default log driver option for containers; may be given several times
  -l, --log-level string         Logging level: debug, info, warn, error, fatal (default "${DEFAULTS.logLevel}")
  -p, --pidfile string           Path of the daemon's PID file (default "${DEFAULTS.pidfile}")
  -s, --storage-driver string    Storage driver to use: overlay2, btrfs or vfs (default: what suits --data-root)
      --userns-remap string      User and group whose subordinate IDs containers get: default, NAME[:GROUP] or UID[:GID]
${NETWORK_USAGE}${CONTAINER_USAGE}${REGISTRY_USAGE}`;

/** Those that have another name in the file. */
const ONLY_FLAGS: readonly string[] = [
  "host",
  "log-opt",
  "default-address-pool",
  "default-ulimit",
  "dns-opt",
  "registry-mirror",
  "insecure-registry",
];

type Settings = Map<keyof DaemonConfig, unknown>;

/**
 * The configuration of a command line and the file it names; `help` instead when that was asked for.
 * @throws {FathomError} invalid, naming the flag, key or file that is wrong.
 */
export async function readConfig(argv: string[]): Promise<DaemonConfig | "help"> {
  const { settings: flags, configFile, help } = readFlags(argv);
  if (help) return "help";
  const file = await readConfigFile(configFile ?? DEFAULT_CONFIG_FILE, configFile === undefined);
  const both = [...flags.keys()].filter((key) => file.has(key));
  if (both.length > 0) {
    const names = both.map(directiveOf).join(", ");
    throw new FathomError(
      "invalid",
      `these directives stand both as a flag and in the configuration file: ${names}`,
    );
  }
  const proxies = takeProxies(process.env);
  return validate({
    ...DEFAULTS,
    ...Object.fromEntries(file),
    ...Object.fromEntries(flags),
    proxies,
  } as DaemonConfig);
}

function readFlags(argv: string[]): { settings: Settings; configFile: string | undefined; help: boolean } {
  const string = { type: "string" } as const;
  const values = parse(negated(argv), {
    "config-file": string,
    "data-root": string,
    "exec-root": string,
    "default-runtime": string,
    group: { ...string, short: "G" },
    host: { ...string, short: "H", multiple: true },
    "log-driver": string,
    "log-level": { ...string, short: "l" },
    "log-opt": { ...string, multiple: true },
    pidfile: { ...string, short: "p" },
    "storage-driver": { ...string, short: "s" },
    "userns-remap": string,
    "allow-insecure-tcp": { type: "boolean" },
    ...NETWORK_OPTIONS,
    ...CONTAINER_OPTIONS,
    ...REGISTRY_OPTIONS,
    help: { type: "boolean" },
  });
  const settings: Settings = new Map();
  for (const [flag, key] of Object.entries(DIRECTIVES)) {
    const value = values[flag];
    if (value === undefined) continue;
    if (key === "logOpts") settings.set(key, logOptions(value));
    else if (key in REGISTRY_FLAG_DEFAULTS)
      settings.set(key, registryValue(key as keyof RegistryFlags, value));
    else settings.set(key, key in NETWORK_DEFAULTS ? fromFlag(key as keyof NetworkFlags, value) : value);
  }
  const configFile = values["config-file"];
  return {
    settings,
    configFile: typeof configFile === "string" ? configFile : undefined,
    help: values.help === true,
  };
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

function parse(args: string[], options: Options): Record<string, unknown> {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false, allowNegative: true }).values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split(".")[0] : String(cause);
    throw new FathomError("invalid", `${reason}; see 'fathom daemon --help'`, { cause });
  }
}

async function readConfigFile(path: string, optional: boolean): Promise<Settings> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (optional && cause.code === "ENOENT") return "{}";
    throw new FathomError("invalid", `cannot read the configuration file ${path}: ${cause.message}`, {
      cause,
    });
  });
  const settings: Settings = new Map();
  for (const [name, value] of Object.entries(parseObject(text, path))) {
    if (!(name in DIRECTIVES) || ONLY_FLAGS.includes(name)) {
      throw new FathomError("invalid", `${path}: no such configuration option: ${name}`);
    }
    const key = DIRECTIVES[name as keyof typeof DIRECTIVES];
    checkType(value, { key, name: `${path}: ${name}` });
    settings.set(key, value);
  }
  return settings;
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FathomError("invalid", `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FathomError("invalid", `${path} must hold one JSON object`);
  }
  return value as Record<string, unknown>;
}

function checkType(value: unknown, { key, name }: { key: keyof DaemonConfig; name: string }): void {
  if (checkNetworkValue(key, value, name) || checkContainerValue(key, value, name)) return;
  if (key === "trash") return void trashSettings(value);
  if (checkRegistryValue(key, value, name)) return;
  if (key === "hosts") {
    if (Array.isArray(value) && value.every((host) => typeof host === "string")) return;
    throw new FathomError("invalid", `${name} must be a list of strings`);
  }
  if (key === "logOpts") {
    const whole = typeof value === "object" && value !== null && !Array.isArray(value);
    if (whole && Object.values(value).every((text) => typeof text === "string")) return;
    throw new FathomError("invalid", `${name} must be an object of strings`);
  }
  const wanted = key === "allowInsecureTcp" ? "boolean" : "string";
  if (typeof value === wanted) return;
  throw new FathomError("invalid", `${name} must be a ${wanted}`);
}

function validate(config: DaemonConfig): DaemonConfig {
  if (!LOG_LEVELS.includes(config.logLevel)) {
    throw new FathomError(
      "invalid",
      `unknown log level: ${config.logLevel} (one of ${LOG_LEVELS.join(", ")})`,
    );
  }
  for (const path of [config.dataRoot, config.execRoot, config.pidfile]) {
    if (path.startsWith("/")) continue;
    throw new FathomError(
      "invalid",
      `${path} must be an absolute path: the daemon has no directory of its own`,
    );
  }
  readSettings(config);
  checkRegistryFlags(config);
  if (config.hosts.length === 0)
    throw new FathomError("invalid", "no address to listen on: give -H or hosts");
  return config;
}

function directiveOf(key: keyof DaemonConfig): string {
  return Object.keys(DIRECTIVES).find((name) => DIRECTIVES[name as keyof typeof DIRECTIVES] === key) ?? key;
}

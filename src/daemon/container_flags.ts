/** The daemon's flags for what containers get that ask for nothing else, dockerd's by name and meaning, and the same in daemon.json. */

import type { ContainerDefaults } from "../container/needs.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { parseUlimit, type Ulimit } from "../std/ulimit.ts";
import { parseBinarySize } from "../std/units.ts";
import {
  checkDnsValue,
  DNS_DEFAULTS,
  DNS_DIRECTIVES,
  DNS_OPTIONS,
  DNS_USAGE,
  type DnsFlags,
  namesOf,
} from "./dns_flags.ts";

/** As they are told: sizes and limits are still text. */
export interface ContainerFlags extends DnsFlags {
  init: boolean;
  defaultShmSize: string | undefined;
  /** `nofile=1024:2048` each on the command line; in the file an object of Docker's form by name. */
  defaultUlimits: unknown;
}

export const CONTAINER_DEFAULTS: ContainerFlags = {
  init: false,
  defaultShmSize: undefined,
  defaultUlimits: undefined,
  ...DNS_DEFAULTS,
};

/** Flag and daemon.json key to setting. The limits are singular on the command line, as dockerd has it. */
export const CONTAINER_DIRECTIVES = {
  init: "init",
  "default-shm-size": "defaultShmSize",
  "default-ulimit": "defaultUlimits",
  "default-ulimits": "defaultUlimits",
  ...DNS_DIRECTIVES,
} as const satisfies Record<string, keyof ContainerFlags>;

/** For parseArgs. */
export const CONTAINER_OPTIONS = {
  init: { type: "boolean" },
  "default-shm-size": { type: "string" },
  "default-ulimit": { type: "string", multiple: true },
  ...DNS_OPTIONS,
} as const;

export const CONTAINER_USAGE = `      --default-shm-size bytes   Default size of /dev/shm of containers (default 64MiB)
      --default-ulimit ulimit    Default ulimit of containers: NAME=SOFT[:HARD]; may be given several times
${DNS_USAGE}      --init                     Run an init in containers that hands signals on and reaps processes
`;

/** Whether the key is one of these; checks the type of its value. @throws {FathomError} invalid */
export function checkContainerValue(key: string, value: unknown, name: string): boolean {
  switch (key) {
    case "init":
      if (typeof value === "boolean") return true;
      throw new FathomError("invalid", `${name} must be a boolean`);
    case "defaultShmSize":
      if (typeof value === "string") return true;
      throw new FathomError("invalid", `${name} must be a string, as "64MiB"`);
    case "defaultUlimits":
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return true;
      throw new FathomError(
        "invalid",
        `${name} must be an object: {"nofile":{"Name":"nofile","Soft":1,"Hard":2}}`,
      );
    default:
      return checkDnsValue(key, value, name);
  }
}

/** @throws {FathomError} invalid, naming the directive that is wrong. */
export function containerDefaults(flags: ContainerFlags): ContainerDefaults {
  const { init, defaultShmSize, defaultUlimits } = flags;
  return {
    init,
    ulimits: ulimitsOf(defaultUlimits),
    names: namesOf(flags),
    ...(defaultShmSize !== undefined && { shmSize: shmSizeOf(defaultShmSize) }),
  };
}

function shmSizeOf(text: string): number {
  const size = parseBinarySize(text);
  if (size > 0) return size;
  throw new FathomError("invalid", `default-shm-size must be more than nothing: ${text}`);
}

function ulimitsOf(told: unknown): Ulimit[] {
  if (told === undefined) return [];
  if (Array.isArray(told)) return told.map((text) => ulimitOf(String(text)));
  return Object.entries(told ?? {}).map(([name, limit]) => {
    const { Soft: soft, Hard: hard } = Object(limit);
    return ulimitOf(`${name}=${soft}:${hard ?? soft}`);
  });
}

function ulimitOf(text: string): Ulimit {
  try {
    return parseUlimit(text);
  } catch (cause) {
    throw new FathomError("invalid", `default-ulimits: ${messageOf(cause)}`, { cause });
  }
}

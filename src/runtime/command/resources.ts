/** What a container may use, and uses: `update` and `events`, in the forms that runc gives them. */

import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { type Cgroup, cgroupLayout, closeFd, openCgroup, readControlFile } from "../../kernel/mod.ts";
import type { Resources } from "../../spec/oci_runtime.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import type { OptionTable } from "./arguments.ts";
import { groupStats } from "./stats.ts";
import { type Noted, processOf } from "./store.ts";

/** Flags for single limits, and where each stands in the specification's resources. */
const LIMITS: Readonly<Record<string, (value: string) => Resources>> = {
  memory: (value) => ({ memory: { limit: bytesOf(value) } }),
  "memory-swap": (value) => ({ memory: { swap: bytesOf(value) } }),
  "memory-reservation": (value) => ({ memory: { reservation: bytesOf(value) } }),
  "kernel-memory-tcp": (value) => ({ memory: { kernelTCP: bytesOf(value) } }),
  "cpu-share": (value) => ({ cpu: { shares: numberOf(value) } }),
  "cpu-quota": (value) => ({ cpu: { quota: numberOf(value) } }),
  "cpu-period": (value) => ({ cpu: { period: numberOf(value) } }),
  "cpuset-cpus": (cpus) => ({ cpu: { cpus } }),
  "cpuset-mems": (mems) => ({ cpu: { mems } }),
  "pids-limit": (value) => ({ pids: { limit: numberOf(value) } }),
  "blkio-weight": (value) => ({ blockIO: { weight: numberOf(value) } }),
};

export const UPDATE: OptionTable = {
  resources: "value",
  ...Object.fromEntries(Object.keys(LIMITS).map((name) => [name, "value" as const])),
};

/** Sets limits anew: those of a file (`-`: standard input) of the specification's `linux.resources`, then those of flags. */
export async function update(noted: Noted, options: Readonly<Record<string, string>>): Promise<void> {
  const { resources: file, ...flags } = options;
  let resources: Resources = file === undefined ? {} : await readResources(file);
  for (const [name, value] of Object.entries(flags)) {
    const { memory, cpu, ...others } = LIMITS[name]?.(value) ?? {};
    resources = {
      ...resources,
      ...others,
      memory: { ...resources.memory, ...memory },
      cpu: { ...resources.cpu, ...cpu },
    };
  }
  using cgroup = groupOf(noted);
  cgroup.update(resources);
}

async function readResources(file: string): Promise<Resources> {
  const text = file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  try {
    return JSON.parse(text) as Resources;
  } catch (cause) {
    throw new FathomError("invalid", `the resources are not JSON: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Prints what it uses as a line of JSON: once with `stats`, else every few seconds until its process has ended.
 * @throws {FathomError} conflict, when it does not run.
 */
export async function events(
  noted: Noted,
  { stats, interval = "5s" }: Readonly<Record<string, string>>,
  print: (line: string) => void,
): Promise<void> {
  const tell = (): void => {
    using cgroup = groupOf(noted);
    const read = (controller: string, name: string): string => {
      const directory = cgroup.directoryOf(controller);
      return (directory && readControlFile(`${directory}/${name}`)) ?? "";
    };
    const data = groupStats(cgroupLayout().version, read);
    print(JSON.stringify({ type: "stats", id: noted.id, data }));
  };
  tell();
  if (stats !== undefined) return;
  const pause = intervalOf(interval);
  for (;;) {
    await Bun.sleep(pause);
    const pidfd = processOf(noted);
    if (pidfd === undefined) return;
    closeFd(pidfd);
    tell();
  }
}

function groupOf(noted: Noted): Cgroup {
  const cgroup = openCgroup(noted.cgroup);
  if (cgroup === undefined) throw new FathomError("conflict", `container ${noted.id} is not running`);
  return cgroup;
}

function numberOf(text: string): number {
  const number = Number(text);
  if (text === "" || !Number.isInteger(number)) throw new FathomError("invalid", `not a number: ${text}`);
  return number;
}

const UNITS = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const;

/** As runc reads sizes: 512m, 1g, or bytes; -1 is no limit. */
function bytesOf(text: string): number {
  const [, number, unit = ""] = /^(-1|\d+)([kmgt]?)b?$/i.exec(text) ?? [];
  if (number === undefined) throw new FathomError("invalid", `not a size: ${text}`);
  return Number(number) * UNITS[unit.toLowerCase() as keyof typeof UNITS];
}

/** Milliseconds of `500ms`, `5s` or `1m`. */
function intervalOf(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new FathomError("invalid", `--interval is no duration: ${text}`);
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"];
}

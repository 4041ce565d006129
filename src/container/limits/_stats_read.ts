/** One reading of what a container uses. */

import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path/posix";
import type { ContainerStats, CpuStats } from "../../spec/docker_stats.ts";
import { rfc3339, wallClock } from "../../std/time.ts";
import { cgroupPath } from "../cgroup_path.ts";
import type { Container } from "../container.ts";
import type { Cgroups } from "../needs.ts";
import { NEVER } from "../records.ts";
import { FILES, NO_BLKIO, parseGroup, parseInterfaces, parseSystem } from "./_stats_parse.ts";

/** A reading, and of the one before it what the next needs. */
export type Reading = Omit<ContainerStats, "preread" | "precpu_stats">;

/** The host's own counters, read once for all containers. */
export async function readSystem(): Promise<{ usage: number; cpus: number }> {
  return parseSystem(await readFile("/proc/stat", "latin1"));
}

/** Reads each file once; undefined when it does not run (any more). @param system the counters of this moment */
export async function readContainer(
  cgroups: Cgroups,
  container: Container,
  system: ReturnType<typeof readSystem>,
): Promise<Reading | undefined> {
  const { record } = container;
  const { Pid: pid } = record.state;
  const place = cgroups.directories(cgroupPath(record));
  if (container.live === undefined || place === undefined) return undefined;
  const names = Object.entries(FILES[place.version]).flatMap(([controller, files]) => {
    const directory = place.directoryOf(controller);
    return directory === undefined ? [] : files.map((file) => join(directory, file));
  });
  const [interfaces, { usage, cpus }, ...texts] = await Promise.all([
    record.host.NetworkMode === "host" ? undefined : textOf(`/proc/${pid}/net/dev`),
    system,
    ...names.map(async (path) => [path.slice(path.lastIndexOf("/") + 1), await textOf(path)] as const),
  ]);
  const there = texts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
  if (there.length === 0) return undefined;
  const { cpu, memory, pids, blkio } = parseGroup(place.version, new Map(there), { memory: totalmem() });
  const networks = parseInterfaces(interfaces ?? "");
  return {
    ...identity(container),
    read: rfc3339(wallClock()),
    pids_stats: pids,
    blkio_stats: blkio,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: { ...cpu, system_cpu_usage: usage, online_cpus: cpus },
    memory_stats: memory,
    ...(Object.keys(networks).length > 0 && { networks }),
  };
}

/** A file that the kernel lacks, or that goes away meanwhile with its container. */
function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "latin1").catch((error: NodeJS.ErrnoException) => {
    if (GONE.has(error.code ?? "")) return undefined;
    throw error;
  });
}

const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENODEV", "ESRCH", "EINVAL", "EOPNOTSUPP"]);

const NO_CPU: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** A reading as a client is given it, beside the one before. */
export function besides(reading: Reading, before: Reading | undefined): ContainerStats {
  return { ...reading, preread: before?.read ?? NEVER, precpu_stats: before?.cpu_stats ?? NO_CPU };
}

/** What is told of a container that does not run: Docker's zeros. */
export function nothing(container: Container): Reading {
  return {
    read: NEVER,
    pids_stats: {},
    blkio_stats: NO_BLKIO,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: NO_CPU,
    memory_stats: {},
    ...identity(container),
  };
}

function identity({ record: { config } }: Container): { name: string; id: string } {
  return { name: `/${config.Name}`, id: config.Id };
}

/** A reading of what a container uses as a row of `stats`, with the arithmetic of the docker command. */

import type { BlkioEntry, ContainerStats } from "../../spec/docker_stats.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatBinarySize, formatDecimalSize } from "../../std/units.ts";
import { shortId } from "./text.ts";

export const STATS_HEADINGS: Struct = {
  BlockIO: "BLOCK I/O",
  CPUPerc: "CPU %",
  Container: "CONTAINER",
  ID: "CONTAINER ID",
  MemPerc: "MEM %",
  MemUsage: "MEM USAGE / LIMIT",
  Name: "NAME",
  NetIO: "NET I/O",
  PIDs: "PIDS",
};

/** The fields a template may ask for; `asked` is what the user called the container. */
export function statsRow(stats: ContainerStats, { asked, whole }: { asked: string; whole: boolean }): Struct {
  const { memory_stats: memory, blkio_stats: blkio } = stats;
  const used = memoryUsed(memory);
  const limit = memory.limit ?? 0;
  const networks = Object.values(stats.networks ?? {});
  const received = networks.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0);
  const sent = networks.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0);
  const blocks = blkio.io_service_bytes_recursive ?? [];
  return {
    BlockIO: pair(bytesOf(blocks, "r"), bytesOf(blocks, "w")),
    CPUPerc: percent(cpuPercent(stats)),
    Container: asked,
    ID: whole ? stats.id : shortId(stats.id),
    MemPerc: percent(limit > 0 ? (used / limit) * 100 : 0),
    MemUsage: `${formatBinarySize(used)} / ${formatBinarySize(limit)}`,
    Name: stats.name.replace(/^\//, ""),
    NetIO: pair(received, sent),
    PIDs: String(stats.pids_stats.current ?? 0),
  };
}

function pair(into: number, outOf: number): string {
  return `${formatDecimalSize(into, 3)} / ${formatDecimalSize(outOf, 3)}`;
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}

/** What a container's processors did of all that the host's could since the reading before; 100 is one processor. */
function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const own = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const all = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || now.cpu_usage.percpu_usage?.length || 0;
  return own > 0 && all > 0 ? (own / all) * cpus * 100 : 0;
}

/** Without cached files that nobody has looked at lately: they go when the memory is needed. */
function memoryUsed({ usage = 0, stats = {} }: ContainerStats["memory_stats"]): number {
  const cached = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  return cached < usage ? usage - cached : usage;
}

/** `Read` of version 1 and `read` of version 2. */
function bytesOf(entries: readonly BlkioEntry[], letter: "r" | "w"): number {
  return entries
    .filter(({ op }) => op[0]?.toLowerCase() === letter)
    .reduce((sum, { value }) => sum + value, 0);
}

/**
 * Limits that are asked for, held against each other and against what the host can do.
 *
 * As in Docker a limit that contradicts another is refused, and one that the kernel does not know is left out with a warning.
 */

import { FathomError } from "../../std/errors.ts";
import type { Host } from "../host.ts";
import type { FullHostConfig } from "../host_config.ts";
import { fitBlockIo } from "./_block_io.ts";

const LEAST_MEMORY = 6 * 1024 * 1024;

/**
 * Takes out of `host` what this host's kernel cannot do. `update`: they are changes to a container, whose other limits stand.
 * @returns what was left out, as warnings in Docker's words
 * @throws {FathomError} invalid, with the first thing that is wrong.
 */
export function fitLimits(
  host: FullHostConfig,
  facts: Host,
  { update }: { update: boolean } = { update: false },
): string[] {
  const warnings: string[] = [];
  const warn = (sentence: string) => void warnings.push(sentence);
  checkMemory(host, update);
  fitMemory(host, facts, warn);
  fitPids(host, facts, warn);
  checkCpu(host, facts);
  fitCpu(host, facts, warn);
  fitCpuset(host, facts, warn);
  fitBlockIo(host, facts, warn);
  return warnings;
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}

function checkMemory(host: FullHostConfig, update: boolean): void {
  const { Memory: memory, MemorySwap: swap, MemoryReservation: reservation } = host;
  if (memory !== 0 && memory < LEAST_MEMORY) throw invalid("Minimum memory limit allowed is 6MB");
  if (memory > 0 && swap > 0 && swap < memory)
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (memory === 0 && swap > 0 && !update)
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (reservation > 0 && reservation < LEAST_MEMORY)
    throw invalid("Minimum memory reservation allowed is 6MB");
  if (memory > 0 && reservation > memory)
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
  const swappiness = host.MemorySwappiness;
  if (swappiness !== null && (swappiness < 0 || swappiness > 100))
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000)
    throw invalid(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
}

type Warn = (sentence: string) => void;

/** Docker's words for a limit whose control files are missing. */
function lacking(what: string, discarded: string): string {
  return `Your kernel does not support ${what} or the cgroup is not mounted. ${discarded}.`;
}

function fitMemory(host: FullHostConfig, { limits }: Host, warn: Warn): void {
  if (host.Memory > 0 && !limits.memory) {
    warn(lacking("memory limit capabilities", "Limitation discarded"));
    Object.assign(host, { Memory: 0, MemorySwap: -1 });
  }
  if (host.Memory > 0 && host.MemorySwap !== -1 && !limits.swap) {
    warn(lacking("swap limit capabilities", "Memory limited without swap"));
    host.MemorySwap = -1;
  }
  if (host.MemorySwappiness !== null && !limits.swappiness) {
    warn(lacking("memory swappiness capabilities", "Memory swappiness discarded"));
    host.MemorySwappiness = null;
  }
  if (host.MemoryReservation > 0 && !limits.reservation) {
    warn(lacking("memory soft limit capabilities", "Limitation discarded"));
    host.MemoryReservation = 0;
  }
  if (host.OomKillDisable !== null && !limits.oomKillDisable) {
    if (host.OomKillDisable) warn("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
    host.OomKillDisable = null;
  }
  if (host.OomKillDisable && host.Memory === 0)
    warn(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
}

function fitPids(host: FullHostConfig, { limits }: Host, warn: Warn): void {
  if (host.PidsLimit === null || limits.pids) return;
  if (host.PidsLimit > 0) warn(lacking("PIDs limit capabilities", "PIDs limit discarded"));
  host.PidsLimit = null;
}

function checkCpu(host: FullHostConfig, facts: Host): void {
  const { NanoCpus: nano, CpuPeriod: period, CpuQuota: quota, CpuShares: shares } = host;
  if (shares < 0) throw invalid("shares: invalid argument");
  if (nano > 0 && period > 0)
    throw invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (nano > 0 && quota > 0) throw invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (nano > 0 && !facts.limits.cpuQuota)
    throw invalid(
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  if (nano < 0 || nano > facts.cpus * 1e9) {
    const most = facts.cpus.toFixed(2);
    throw invalid(`Range of CPUs is from 0.01 to ${most}, as there are only ${facts.cpus} CPUs available`);
  }
  if (period !== 0 && (period < 1000 || period > 1_000_000))
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (quota > 0 && quota < 1000) throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  const { CpuRealtimePeriod: realtimePeriod, CpuRealtimeRuntime: realtimeRuntime } = host;
  if ((realtimePeriod !== 0 || realtimeRuntime !== 0) && !facts.limits.cpuRealtime)
    throw invalid("Your kernel does not support CPU real-time scheduler");
  if (realtimePeriod !== 0 && realtimeRuntime > realtimePeriod)
    throw invalid("cpu real-time runtime cannot be higher than cpu real-time period");
}

function fitCpu(host: FullHostConfig, { limits }: Host, warn: Warn): void {
  if (host.CpuShares > 0 && !limits.cpuShares) {
    warn(lacking("CPU shares", "Shares discarded"));
    host.CpuShares = 0;
  }
  if ((host.CpuPeriod !== 0 || host.CpuQuota !== 0) && !limits.cpuQuota) {
    warn("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.");
    Object.assign(host, { CpuPeriod: 0, CpuQuota: 0 });
  }
  if (host.CpuPercent > 0) {
    warn("linux does not support CPU percent. Percent discarded.");
    host.CpuPercent = 0;
  }
}

function fitCpuset(host: FullHostConfig, { limits }: Host, warn: Warn): void {
  if ((host.CpusetCpus !== "" || host.CpusetMems !== "") && !limits.cpuset) {
    warn(lacking("cpuset", "Cpuset discarded"));
    Object.assign(host, { CpusetCpus: "", CpusetMems: "" });
  }
  checkSet(host.CpusetCpus, limits.cpus, { field: "cpuset cpus", members: "CPUs" });
  checkSet(host.CpusetMems, limits.memoryNodes, { field: "cpuset mems", members: "memory nodes" });
}

function checkSet(asked: string, there: string, words: { field: string; members: string }): void {
  if (asked === "") return;
  const wanted = membersOf(asked);
  if (wanted === undefined) throw invalid(`Invalid value ${asked} for ${words.field}`);
  const available = membersOf(there) ?? [];
  if (wanted.some(([least, most]) => !available.some(([low, high]) => low <= least && most <= high)))
    throw invalid(`Requested ${words.members} are not available - requested ${asked}, available: ${there}`);
}

/** The ranges of `0-3,7`, cpuset(7); undefined when it is no such list. Ranges, as a client may ask for any number. */
function membersOf(list: string): [number, number][] | undefined {
  const ranges = list.split(",").map((part) => /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part));
  const pairs = ranges.map((range): [number, number] => [
    Number(range?.[1]),
    Number(range?.[2] ?? range?.[1]),
  ]);
  return pairs.every(([least, most]) => least <= most) ? pairs : undefined;
}

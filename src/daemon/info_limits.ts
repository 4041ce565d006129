/** What `info` says of limits: pure. */

import type { LimitSupport } from "../container/needs.ts";
import type { SystemInfo } from "../spec/docker.ts";

type LimitFlags = Pick<
  SystemInfo,
  | "MemoryLimit"
  | "SwapLimit"
  | "CpuCfsPeriod"
  | "CpuCfsQuota"
  | "CPUShares"
  | "CPUSet"
  | "PidsLimit"
  | "OomKillDisable"
>;

export function limitFlags(limits: LimitSupport): LimitFlags {
  return {
    MemoryLimit: limits.memory,
    SwapLimit: limits.swap,
    CpuCfsPeriod: limits.cpuQuota,
    CpuCfsQuota: limits.cpuQuota,
    CPUShares: limits.cpuShares,
    CPUSet: limits.cpuset,
    PidsLimit: limits.pids,
    OomKillDisable: limits.oomKillDisable,
  };
}

/** What this host's kernel cannot limit, in Docker's words for each version of control groups. */
export function limitWarnings(limits: LimitSupport, version: "1" | "2"): string[] {
  const unified = version === "2";
  const rates = (["read", "write"] as const).flatMap((verb) =>
    (["bps", "iops"] as const).map((unit): [boolean, string] => [
      limits.blockRates,
      unified ? `io.max (${verb[0]}${unit})` : `blkio throttle.${verb}_${unit}_device`,
    ]),
  );
  const rows: [boolean, string][] = [
    [limits.memory, "memory limit"],
    [limits.swap, "swap limit"],
    [limits.oomKillDisable || unified, "oom kill disable"],
    [limits.cpuQuota, "cpu cfs quota"],
    [limits.cpuQuota, "cpu cfs period"],
    [limits.cpuShares, "cpu shares"],
    [limits.cpuset, "cpuset"],
    [limits.blockWeight || !unified, "io.weight"],
    [limits.blockWeightDevice || !unified, "io.weight (per device)"],
    ...rates,
  ];
  return rows.filter(([known]) => !known).map(([, what]) => `WARNING: No ${what} support`);
}

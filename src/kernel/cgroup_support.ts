/** Which limits this host's control groups know. Pure but for the looking, which is handed in. */

import type { CgroupLayout } from "./cgroup_layout.ts";

/** What can be limited; `cpus` and `memoryNodes` are what a container may choose from, in cpuset's notation. */
export interface CgroupSupport {
  memory: boolean;
  swap: boolean;
  swappiness: boolean;
  reservation: boolean;
  oomKillDisable: boolean;
  pids: boolean;
  cpuShares: boolean;
  cpuQuota: boolean;
  cpuRealtime: boolean;
  cpuset: boolean;
  blockWeight: boolean;
  blockWeightDevice: boolean;
  /** Bytes and operations a second on a block device. */
  blockRates: boolean;
  cpus: string;
  memoryNodes: string;
}

/** @param read a control file's text; undefined where there is none */
export function cgroupSupport(
  layout: CgroupLayout,
  read: (path: string) => string | undefined,
): CgroupSupport {
  return layout.version === 2 ? unifiedSupport(layout.root, read) : legacySupport(layout, read);
}

function legacySupport(
  { hierarchies }: Extract<CgroupLayout, { version: 1 }>,
  read: (path: string) => string | undefined,
): CgroupSupport {
  const text = (file: string): string | undefined => {
    const controller = file.slice(0, file.indexOf("."));
    const hierarchy = hierarchies.find(({ controllers }) => controllers.includes(controller));
    return hierarchy && read(`${hierarchy.root}/${file}`);
  };
  const has = (file: string): boolean => text(file) !== undefined;
  // The root has no weight, having nothing to be weighed against; what BFQ counts is there with it.
  const weight = has("blkio.weight") || has("blkio.bfq.io_service_bytes");
  return {
    memory: has("memory.limit_in_bytes"),
    swap: has("memory.memsw.limit_in_bytes"),
    swappiness: has("memory.swappiness"),
    reservation: has("memory.soft_limit_in_bytes"),
    oomKillDisable: has("memory.oom_control"),
    // Its root has nothing but its processes.
    pids: hierarchies.some(({ controllers }) => controllers.includes("pids")),
    cpuShares: has("cpu.shares"),
    cpuQuota: has("cpu.cfs_quota_us") && has("cpu.cfs_period_us"),
    cpuRealtime: has("cpu.rt_runtime_us") && has("cpu.rt_period_us"),
    cpuset: has("cpuset.cpus"),
    blockWeight: weight,
    blockWeightDevice: weight,
    blockRates: has("blkio.throttle.read_bps_device") && has("blkio.throttle.write_iops_device"),
    cpus: (text("cpuset.cpus") ?? "").trim(),
    memoryNodes: (text("cpuset.mems") ?? "").trim(),
  };
}

/**
 * Controllers tell, since the root of version 2 has no limits. What a kernel may be built without is looked for in the group that
 * this process is in, where that has the controller's files; else it is taken to be there, and a write will tell.
 */
function unifiedSupport(root: string, read: (path: string) => string | undefined): CgroupSupport {
  const controllers = new Set((read(`${root}/cgroup.controllers`) ?? "").trim().split(" "));
  const own = root + (/^0::(.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1] ?? "");
  const has = (file: string): boolean => read(`${own}/${file}`) !== undefined;
  const memory = controllers.has("memory");
  const cpu = controllers.has("cpu");
  const io = controllers.has("io");
  return {
    memory,
    swap: memory && (!has("memory.max") || has("memory.swap.max")),
    swappiness: false,
    reservation: memory,
    oomKillDisable: false,
    pids: controllers.has("pids"),
    cpuShares: cpu,
    cpuQuota: cpu,
    cpuRealtime: false,
    cpuset: controllers.has("cpuset"),
    blockWeight: io && (!has("io.max") || has("io.bfq.weight") || has("io.weight")),
    blockWeightDevice: io && (!has("io.max") || has("io.bfq.weight")),
    blockRates: io,
    cpus: (read(`${root}/cpuset.cpus.effective`) ?? "").trim(),
    memoryNodes: (read(`${root}/cpuset.mems.effective`) ?? "").trim(),
  };
}

/**
 * Which control files of a new control group get what: pure.
 *
 * Source: Documentation/admin-guide/cgroup-v1/*.rst and cgroup-v2.rst; OCI runtime-spec, config-linux.md.
 */

import type { DeviceRule, Resources } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import { legacyBlockIo, unifiedBlockIo } from "./_cgroup_block_io.ts";
import type { ControlWrite } from "./_cgroup_write.ts";
import type { CgroupLayout, Hierarchy } from "./cgroup_layout.ts";

/** A directory to make, and what to write in it. */
export interface PlannedGroup {
  /** The root of its hierarchy; the path below it is the same in all. */
  root: string;
  directory: string;
  controllers: readonly string[];
  writes: readonly ControlWrite[];
  /** Rules that no control file takes: v2's. */
  devices: readonly DeviceRule[];
}

/**
 * The directories of the control group `path` (`/fathom/<id>`) and the files that hold its limits.
 * @throws {FathomError} unsupported, when v1 lacks the controller of a limit; v2 is asked when its files are written.
 */
export function planCgroup(layout: CgroupLayout, path: string, resources: Resources): PlannedGroup[] {
  const name = checkedPath(path);
  if (layout.version === 2) {
    const { root } = layout;
    const writes = unifiedWrites(resources);
    return [{ root, directory: root + name, controllers: [], writes, devices: resources.devices ?? [] }];
  }
  const writes = legacyWrites(resources);
  for (const write of writes) requireController(layout.hierarchies, write);
  return layout.hierarchies.map(({ root, controllers }) => ({
    root,
    directory: root + name,
    controllers,
    writes: writes.filter((write) => controllers.includes(controllerOf(write))),
    devices: [],
  }));
}

/** The controller a file belongs to: what its name begins with. */
export function controllerOf({ file }: ControlWrite): string {
  return file.slice(0, file.indexOf("."));
}

function requireController(hierarchies: readonly Hierarchy[], write: ControlWrite): void {
  const controller = controllerOf(write);
  if (hierarchies.some(({ controllers }) => controllers.includes(controller))) return;
  throw new FathomError("unsupported", `cannot ${write.what}: this host has no ${controller} control group`);
}

/** A path of the group that cannot lead out of its hierarchy. */
function checkedPath(path: string): string {
  const parts = path.split("/").slice(1);
  const sound = path.startsWith("/") && parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (!sound) throw new FathomError("invalid", `not an absolute path of a control group: ${path}`);
  return path;
}

/** -1 is no limit; 0 and absent are not set, as in Docker's API. */
const given = (value: number | undefined): value is number => value !== undefined && value !== 0;

function legacyWrites(resources: Resources): ControlWrite[] {
  const { memory = {}, cpu = {}, pids, blockIO = {}, hugepageLimits = [], devices = [] } = resources;
  const writes: ControlWrite[] = [];
  const set = (file: string, value: number | string, what: string): void => {
    writes.push({ file, value: String(value), what, ...(value === -1 && { lifts: true }) });
  };
  // The limit stands before memory+swap, which must not be below it.
  if (given(memory.limit)) set("memory.limit_in_bytes", memory.limit, "limit memory");
  if (given(memory.swap)) set("memory.memsw.limit_in_bytes", memory.swap, "limit memory and swap");
  if (given(memory.reservation)) set("memory.soft_limit_in_bytes", memory.reservation, "reserve memory");
  if (given(memory.kernelTCP)) set("memory.kmem.tcp.limit_in_bytes", memory.kernelTCP, "limit TCP's buffers");
  if (memory.swappiness !== undefined) set("memory.swappiness", memory.swappiness, "set swappiness");
  if (memory.disableOOMKiller) set("memory.oom_control", 1, "disable the OOM killer");
  if (given(cpu.shares)) set("cpu.shares", cpu.shares, "weigh CPU time");
  if (given(cpu.period)) set("cpu.cfs_period_us", cpu.period, "set the period of CPU time");
  if (given(cpu.quota)) set("cpu.cfs_quota_us", cpu.quota, "limit CPU time");
  if (given(cpu.realtimePeriod))
    set("cpu.rt_period_us", cpu.realtimePeriod, "set the period of real-time CPU time");
  if (given(cpu.realtimeRuntime)) set("cpu.rt_runtime_us", cpu.realtimeRuntime, "grant real-time CPU time");
  if (cpu.cpus) set("cpuset.cpus", cpu.cpus, "choose CPUs");
  if (cpu.mems) set("cpuset.mems", cpu.mems, "choose memory nodes");
  if (pids !== undefined) set("pids.max", pids.limit > 0 ? pids.limit : "max", "limit processes");
  writes.push(...legacyBlockIo(blockIO));
  for (const { pageSize, limit } of hugepageLimits)
    set(`hugetlb.${checkedSize(pageSize)}.limit_in_bytes`, limit, "limit huge pages");
  for (const rule of devices) {
    set(
      rule.allow ? "devices.allow" : "devices.deny",
      deviceText(rule),
      `${rule.allow ? "allow" : "deny"} devices`,
    );
  }
  return writes;
}

/** `c 1:3 rwm`; `a` for all. A number that is absent or negative stands for any. */
function deviceText({ type = "a", major, minor, access = "rwm" }: DeviceRule): string {
  if (type === "a") return "a";
  const number = (value: number | undefined): string =>
    value === undefined || value < 0 ? "*" : String(value);
  return `${type} ${number(major)}:${number(minor)} ${access}`;
}

const DEFAULT_PERIOD = 100_000;

function unifiedWrites(resources: Resources): ControlWrite[] {
  const { memory = {}, cpu = {}, pids, blockIO = {}, hugepageLimits = [] } = resources;
  const writes: ControlWrite[] = [];
  const set = (file: string, value: number | string, what: string): void => {
    writes.push({ file, value: String(value), what, ...(value === "max" && { lifts: true }) });
  };
  if (given(memory.limit)) set("memory.max", orMax(memory.limit), "limit memory");
  if (given(memory.swap)) set("memory.swap.max", orMax(swapAlone(memory.swap, memory.limit)), "limit swap");
  if (given(memory.reservation)) set("memory.low", orMax(memory.reservation), "reserve memory");
  if (given(cpu.shares)) set("cpu.weight", weightOfShares(cpu.shares), "weigh CPU time");
  if (given(cpu.quota) || given(cpu.period)) {
    set("cpu.max", `${orMax(cpu.quota || -1)} ${cpu.period || DEFAULT_PERIOD}`, "limit CPU time");
  }
  if (cpu.cpus) set("cpuset.cpus", cpu.cpus, "choose CPUs");
  if (cpu.mems) set("cpuset.mems", cpu.mems, "choose memory nodes");
  if (pids !== undefined) set("pids.max", pids.limit > 0 ? pids.limit : "max", "limit processes");
  writes.push(...unifiedBlockIo(blockIO));
  for (const { pageSize, limit } of hugepageLimits)
    set(`hugetlb.${checkedSize(pageSize)}.max`, limit, "limit huge pages");
  return writes;
}

/** A size of huge pages as the kernel names its files; nothing else gets into a file's name. */
function checkedSize(pageSize: string): string {
  if (/^\d+[KMG]B$/.test(pageSize)) return pageSize;
  throw new FathomError("invalid", `not a size of huge pages: ${pageSize}: give 2MB, 1GB or the like`);
}

function orMax(value: number): number | "max" {
  return value < 0 ? "max" : value;
}

/** OCI counts memory and swap together, v2 swap alone. */
function swapAlone(swap: number, limit: number | undefined): number {
  if (swap < 0) return swap;
  if (!given(limit) || limit < 0 || swap < limit) {
    throw new FathomError(
      "invalid",
      `memory and swap (${swap}) are less than memory (${limit ?? "not limited"})`,
    );
  }
  return swap - limit;
}

/**
 * cpu.shares (2 to 262144, 1024 by default) as cpu.weight (1 to 10000, 100 by default): the curve through these three points that
 * newer OCI runtimes use. The straight line of older runtimes gave 1024 shares a weight of 39, less than any other process.
 * @internal
 */
export function weightOfShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

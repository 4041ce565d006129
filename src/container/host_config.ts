/** How a container runs on this host: Docker's defaults for what a request leaves out. */

import type { HostConfig } from "../spec/docker.ts";
import type { Ulimit } from "../std/ulimit.ts";
import type { Host } from "./host.ts";
import { normaliseCapabilities } from "./plan/capabilities.ts";

/** Docker shows these only where they are set. */
type Optional = "NetworkRate" | "Annotations" | "Tmpfs" | "Sysctls" | "Mounts" | "Init" | "StorageOpt";

/** A host configuration with every field that Docker always shows. */
export type FullHostConfig = Required<Omit<HostConfig, Optional | "LogConfig" | "RestartPolicy">> &
  Pick<HostConfig, Optional> & {
    LogConfig: { Type: string; Config: Record<string, string> };
    RestartPolicy: { Name: string; MaximumRetryCount: number };
  };

const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;
const CPU_SHARES = { least: 2, most: 262_144 };

const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/**
 * Fills in and brings into Docker's form; what it does not know of is left out.
 * @throws {FathomError} invalid, naming a capability that does not exist.
 */
export function fillHostConfig(
  request: HostConfig,
  host: Host,
  defaults: { runtime: string; shmSize?: number; ulimits?: readonly Ulimit[] },
): FullHostConfig {
  return {
    ...namespaces(request, host),
    ...resources(request, host, defaults.ulimits),
    ...security(request, host),
    ...network(request),
    ...storage(request, defaults.shmSize),
    AutoRemove: request.AutoRemove ?? false,
    ContainerIDFile: request.ContainerIDFile ?? "",
    LogConfig: { Type: request.LogConfig?.Type || "json-file", Config: request.LogConfig?.Config ?? {} },
    RestartPolicy: {
      Name: request.RestartPolicy?.Name || "no",
      MaximumRetryCount: request.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    ConsoleSize: request.ConsoleSize ?? [0, 0],
    Runtime: request.Runtime || defaults.runtime,
    Isolation: request.Isolation ?? "",
    ...present({ Annotations: request.Annotations, Init: request.Init }),
  };
}

function namespaces(request: HostConfig, host: Host) {
  const cgroupns = host.cgroup === "v2" ? "private" : "host";
  return {
    CgroupnsMode: request.CgroupnsMode || cgroupns,
    Cgroup: request.Cgroup ?? "",
    IpcMode: request.IpcMode || "private",
    PidMode: request.PidMode ?? "",
    UTSMode: request.UTSMode ?? "",
    UsernsMode: request.UsernsMode ?? "",
  };
}

function resources(request: HostConfig, host: Host, ulimits: readonly Ulimit[] = []) {
  const memory = request.Memory ?? 0;
  return {
    CpuShares: clampShares(request.CpuShares ?? 0),
    Memory: memory,
    NanoCpus: request.NanoCpus ?? 0,
    CgroupParent: request.CgroupParent ?? "",
    ...blockIo(request),
    CpuPeriod: request.CpuPeriod ?? 0,
    CpuQuota: request.CpuQuota ?? 0,
    CpuRealtimePeriod: request.CpuRealtimePeriod ?? 0,
    CpuRealtimeRuntime: request.CpuRealtimeRuntime ?? 0,
    CpusetCpus: request.CpusetCpus ?? "",
    CpusetMems: request.CpusetMems ?? "",
    Devices: request.Devices ?? null,
    DeviceCgroupRules: request.DeviceCgroupRules ?? null,
    DeviceRequests: request.DeviceRequests ?? null,
    MemoryReservation: request.MemoryReservation ?? 0,
    // As much swap as memory, as in Docker.
    MemorySwap: request.MemorySwap || (memory > 0 ? 2 * memory : 0),
    MemorySwappiness: request.MemorySwappiness === -1 ? null : (request.MemorySwappiness ?? null),
    OomKillDisable: request.OomKillDisable ?? (host.cgroup === "v2" ? null : false),
    OomScoreAdj: request.OomScoreAdj ?? 0,
    // Docker keeps no limit that is none.
    PidsLimit:
      request.PidsLimit !== undefined && request.PidsLimit !== null && request.PidsLimit > 0
        ? request.PidsLimit
        : null,
    Ulimits: withDefaults(request.Ulimits ?? null, ulimits),
    CpuCount: request.CpuCount ?? 0,
    CpuPercent: request.CpuPercent ?? 0,
    IOMaximumIOps: request.IOMaximumIOps ?? 0,
    IOMaximumBandwidth: request.IOMaximumBandwidth ?? 0,
  };
}

function blockIo(request: HostConfig) {
  return {
    BlkioWeight: request.BlkioWeight ?? 0,
    BlkioWeightDevice: request.BlkioWeightDevice ?? null,
    BlkioDeviceReadBps: request.BlkioDeviceReadBps ?? null,
    BlkioDeviceWriteBps: request.BlkioDeviceWriteBps ?? null,
    BlkioDeviceReadIOps: request.BlkioDeviceReadIOps ?? null,
    BlkioDeviceWriteIOps: request.BlkioDeviceWriteIOps ?? null,
  };
}

/** The container's own limits, then those of the engine that it does not set. */
function withDefaults(asked: Ulimit[] | null, defaults: readonly Ulimit[]): Ulimit[] | null {
  if (defaults.length === 0) return asked;
  const own = asked ?? [];
  return [...own, ...defaults.filter(({ Name: name }) => own.every((limit) => limit.Name !== name))];
}

function clampShares(shares: number): number {
  return shares > 0 ? Math.min(Math.max(shares, CPU_SHARES.least), CPU_SHARES.most) : shares;
}

function security(request: HostConfig, host: Host) {
  const privileged = request.Privileged ?? false;
  const masked = privileged ? null : [...MASKED_PATHS, ...host.thermalPaths];
  return {
    CapAdd: known(request.CapAdd, "CapAdd"),
    CapDrop: known(request.CapDrop, "CapDrop"),
    GroupAdd: request.GroupAdd ?? null,
    Privileged: privileged,
    ReadonlyRootfs: request.ReadonlyRootfs ?? false,
    SecurityOpt: securityOptions(request, privileged),
    MaskedPaths: request.MaskedPaths ?? masked,
    ReadonlyPaths: request.ReadonlyPaths ?? (privileged ? null : READONLY_PATHS),
    ...present({ Sysctls: nonEmpty(request.Sysctls) }),
  };
}

/** As they were written: Docker checks the names and brings them into one form when it starts the container. */
function known(names: string[] | null | undefined, field: "CapAdd" | "CapDrop"): string[] | null {
  normaliseCapabilities(names ?? [], field);
  return names ?? null;
}

/** Docker notes that a container which sees the host's processes or memory has no SELinux label, unless one is asked for. */
function securityOptions(request: HostConfig, privileged: boolean): string[] | null {
  const options = request.SecurityOpt ?? null;
  const sees = privileged || request.PidMode === "host" || request.IpcMode === "host";
  if (!sees || options?.some((option) => option.startsWith("label"))) return options;
  return [...(options ?? []), "label=disable"];
}

function network(request: HostConfig) {
  const mode = request.NetworkMode ?? "";
  return {
    NetworkMode: mode === "" || mode === "default" ? "bridge" : mode,
    PortBindings: request.PortBindings ?? null,
    PublishAllPorts: request.PublishAllPorts ?? false,
    Dns: request.Dns ?? null,
    DnsOptions: request.DnsOptions ?? null,
    DnsSearch: request.DnsSearch ?? null,
    ExtraHosts: request.ExtraHosts ?? null,
    Links: request.Links?.length ? request.Links : null,
    ...present({ NetworkRate: request.NetworkRate || undefined }),
  };
}

function storage(request: HostConfig, shmSize = DEFAULT_SHM_SIZE) {
  return {
    Binds: request.Binds ?? null,
    VolumeDriver: request.VolumeDriver ?? "",
    VolumesFrom: request.VolumesFrom ?? null,
    ShmSize: request.ShmSize || shmSize,
    ...present({
      Tmpfs: nonEmpty(request.Tmpfs),
      Mounts: request.Mounts?.length ? request.Mounts : undefined,
      StorageOpt: nonEmpty(request.StorageOpt ?? undefined),
    }),
  };
}

function nonEmpty<V>(values: Record<string, V> | undefined): Record<string, V> | undefined {
  return values !== undefined && Object.keys(values).length > 0 ? values : undefined;
}

/** Without the fields that are undefined. */
function present<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Limits on a container: from Docker's host configuration to OCI `linux.resources`. Pure. */

import type { BlockIo, Device, DeviceRule, Resources, Rlimit } from "../../spec/oci_runtime.ts";
import type { FullHostConfig } from "../host_config.ts";

const DEFAULT_PERIOD = 100_000;
const NANOSECONDS = 1e9;

/** Cgroup limits, with the rules for devices. */
export function resourcesOf(
  host: FullHostConfig,
  { devices, blockIo }: { devices: readonly DeviceAccess[]; blockIo: BlockIo | undefined },
): Resources {
  return { devices: deviceRules(host, devices), ...limitsOf(host), ...(blockIo && { blockIO: blockIo }) };
}

/** Those that can change while a container runs. */
export function limitsOf(host: FullHostConfig): Resources {
  return {
    memory: memory(host),
    cpu: cpu(host),
    ...(host.BlkioWeight > 0 && { blockIO: { weight: host.BlkioWeight } }),
    ...(host.PidsLimit !== null && { pids: { limit: host.PidsLimit > 0 ? host.PidsLimit : -1 } }),
  };
}

function memory(host: FullHostConfig): NonNullable<Resources["memory"]> {
  return {
    ...(host.Memory > 0 && { limit: host.Memory }),
    ...(host.MemoryReservation > 0 && { reservation: host.MemoryReservation }),
    ...(host.MemorySwap !== 0 && { swap: host.MemorySwap }),
    ...(host.MemorySwappiness !== null && { swappiness: host.MemorySwappiness }),
    ...(host.OomKillDisable && { disableOOMKiller: true }),
  };
}

function cpu(host: FullHostConfig): NonNullable<Resources["cpu"]> {
  const nano = host.NanoCpus;
  return {
    ...(host.CpuShares > 0 && { shares: host.CpuShares }),
    ...(nano > 0 && { quota: Math.floor((nano * DEFAULT_PERIOD) / NANOSECONDS), period: DEFAULT_PERIOD }),
    ...(host.CpuQuota !== 0 && { quota: host.CpuQuota }),
    ...(host.CpuPeriod !== 0 && { period: host.CpuPeriod }),
    ...(host.CpuRealtimePeriod !== 0 && { realtimePeriod: host.CpuRealtimePeriod }),
    ...(host.CpuRealtimeRuntime !== 0 && { realtimeRuntime: host.CpuRealtimeRuntime }),
    ...(host.CpusetCpus !== "" && { cpus: host.CpusetCpus }),
    ...(host.CpusetMems !== "" && { mems: host.CpusetMems }),
  };
}

/** A device of the host that a container gets, and how it may be used. */
export interface DeviceAccess {
  device: Device;
  /** Letters of r, w, m. */
  access: string;
}

/**
 * What a container may do to devices: make any node, and use those that every Linux program expects. Docker's own list leaves
 * some of these to runc, which adds them; here they stand, so that the bundle says all.
 */
const USUAL_DEVICES: readonly (readonly [major: number, minor: number | undefined])[] = [
  [1, 3], // null
  [1, 5], // zero
  [1, 7], // full
  [1, 8], // random
  [1, 9], // urandom
  [5, 0], // tty
  [5, 1], // console
  [5, 2], // ptmx
  [136, undefined], // pts/*
];

function deviceRules(host: FullHostConfig, devices: readonly DeviceAccess[]): DeviceRule[] {
  if (host.Privileged) return [{ allow: true, access: "rwm" }];
  const usual = USUAL_DEVICES.map(
    ([major, minor]): DeviceRule => ({
      allow: true,
      type: "c",
      major,
      ...(minor !== undefined && { minor }),
      access: "rwm",
    }),
  );
  return [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", access: "m" },
    { allow: true, type: "b", access: "m" },
    ...usual,
    ...devices.map(deviceRule),
    ...(host.DeviceCgroupRules ?? []).map(userRule),
  ];
}

function deviceRule({ device, access }: DeviceAccess): DeviceRule {
  const type = device.type === "b" ? "b" : "c";
  return { allow: true, type, major: device.major, minor: device.minor, access };
}

/** `c 10:200 rwm`, where a number may be `*`; checked when the container was made. */
function userRule(rule: string): DeviceRule {
  const [, type = "a", major = "*", minor = "*", access = "rwm"] = DEVICE_RULE.exec(rule) ?? [];
  return {
    allow: true,
    type: type === "b" ? "b" : type === "c" ? "c" : "a",
    ...(major !== "*" && { major: Number(major) }),
    ...(minor !== "*" && { minor: Number(minor) }),
    access,
  };
}

/** `--device-cgroup-rule`'s notation. */
export const DEVICE_RULE = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/** Ulimits as setrlimit(2) takes them. */
export function rlimitsOf(host: FullHostConfig): Rlimit[] {
  return (host.Ulimits ?? []).map(({ Name: name, Soft: soft, Hard: hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft,
    hard,
  }));
}

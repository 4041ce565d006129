/** From the flags of limits to the fields of a request. Only what was asked for is in it. */

import type { HostConfig } from "../../spec/docker.ts";
import type { FlagValues } from "../flags.ts";
import type { LIMIT_FLAGS } from "./limit_flags.ts";

/** All but the restart policy, which is no limit. */
export function limitFields(flags: Omit<FlagValues<typeof LIMIT_FLAGS>, "restart">): HostConfig {
  const fields: HostConfig = {};
  const set = <K extends keyof HostConfig>(name: K, value: HostConfig[K]): void => {
    if (value !== undefined) fields[name] = value;
  };
  set("BlkioWeight", flags["blkio-weight"]);
  set("NetworkRate", flags["network-rate"]);
  set("CpuPeriod", flags["cpu-period"]);
  set("CpuQuota", flags["cpu-quota"]);
  set("CpuRealtimePeriod", flags["cpu-rt-period"]);
  set("CpuRealtimeRuntime", flags["cpu-rt-runtime"]);
  set("CpuShares", flags["cpu-shares"]);
  set("NanoCpus", flags.cpus);
  set("CpusetCpus", flags["cpuset-cpus"]);
  set("CpusetMems", flags["cpuset-mems"]);
  set("Memory", flags.memory);
  set("MemoryReservation", flags["memory-reservation"]);
  set("MemorySwap", flags["memory-swap"]);
  set("PidsLimit", flags["pids-limit"]);
  return fields;
}

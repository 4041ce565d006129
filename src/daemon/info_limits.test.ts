import { expect, test } from "bun:test";
import type { LimitSupport } from "../container/needs.ts";
import { limitFlags, limitWarnings } from "./info_limits.ts";

const ALL: LimitSupport = {
  ...{ memory: true, swap: true, swappiness: true, reservation: true, oomKillDisable: true, pids: true },
  ...{ cpuShares: true, cpuQuota: true, cpuRealtime: true, cpuset: true },
  ...{ blockWeight: true, blockWeightDevice: true, blockRates: true, cpus: "0", memoryNodes: "0" },
};

test("a host that can limit everything is not warned of", () => {
  expect([limitWarnings(ALL, "1"), limitWarnings({ ...ALL, oomKillDisable: false }, "2")]).toEqual([[], []]);
});

test("what is missing is a warning in Docker's words, and a flag that is false", () => {
  const lacking = { ...ALL, swap: false, blockWeight: false, blockRates: false };
  expect(limitWarnings(lacking, "1")).toEqual(
    [
      "swap limit",
      "blkio throttle.read_bps_device",
      "blkio throttle.read_iops_device",
      "blkio throttle.write_bps_device",
      "blkio throttle.write_iops_device",
    ].map((what) => `WARNING: No ${what} support`),
  );
  expect(limitWarnings(lacking, "2").slice(0, 3)).toEqual([
    "WARNING: No swap limit support",
    "WARNING: No io.weight support",
    "WARNING: No io.max (rbps) support",
  ]);
  expect(limitFlags(lacking)).toMatchObject({ MemoryLimit: true, SwapLimit: false, PidsLimit: true });
});

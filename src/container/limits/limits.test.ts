import { describe, expect, test } from "bun:test";
import type { HostConfig } from "../../spec/docker.ts";
import { messageOf } from "../../std/errors.ts";
import { HOST } from "../_fixtures.ts";
import type { Host } from "../host.ts";
import { type FullHostConfig, fillHostConfig } from "../host_config.ts";
import { fitLimits } from "./limits.ts";

function fit(request: HostConfig, limits: Partial<Host["limits"]> = {}) {
  const facts = { ...HOST, limits: { ...HOST.limits, ...limits } };
  const host = fillHostConfig(request, facts, { runtime: "native" });
  return { warnings: fitLimits(host, facts), host };
}

function refusal(request: HostConfig): string {
  try {
    fit(request);
    return "none";
  } catch (error) {
    return messageOf(error);
  }
}

describe("a limit that is refused", () => {
  const rows: [HostConfig, string][] = [
    [{ Memory: 1024 }, "Minimum memory limit allowed is 6MB"],
    [{ MemorySwap: 1e7 }, "You should always set the Memory limit when using Memoryswap limit, see usage"],
    [{ MemoryReservation: 1 }, "Minimum memory reservation allowed is 6MB"],
    [{ MemorySwappiness: 101 }, "Invalid value: 101, valid memory swappiness range is 0-100"],
    [{ OomScoreAdj: 1001 }, "Invalid value 1001, range for oom score adj is [-1000, 1000]"],
    [{ NanoCpus: 1e9, CpuQuota: 5e4 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
    [{ CpuRealtimePeriod: 10, CpuRealtimeRuntime: 20 }, "cpu real-time runtime cannot be higher than cpu"],
    [{ CpusetCpus: "5" }, "Requested CPUs are not available - requested 5, available: 0-1"],
    [{ CpusetCpus: "0-4000000000" }, "Invalid value 0-4000000000 for cpuset cpus"],
    [{ CpusetCpus: "1-0" }, "Invalid value 1-0 for cpuset cpus"],
    [{ CpusetMems: "x" }, "Invalid value x for cpuset mems"],
    [{ BlkioWeight: 9 }, "Range of blkio weight is from 10 to 1000"],
    [
      { BlkioWeightDevice: [{ Path: "/dev/a", Weight: 2000 }] },
      "Range of blkio weight is from 10 to 1000: /dev/a",
    ],
    [{ BlkioDeviceReadBps: [{ Path: "/dev/a", Rate: -1 }] }, "invalid rate for device /dev/a"],
    [{ IOMaximumIOps: 5 }, "Invalid QoS settings: linux does not support Maximum IO Bandwidth"],
  ];
  test.each(rows)("%j", (request, sentence) => expect(refusal(request)).toStartWith(sentence));
});

describe("a limit that the kernel does not know is left out with Docker's warning:", () => {
  const device = [{ Path: "/dev/a", Rate: 1 }];
  const rows: [HostConfig, keyof Host["limits"], Partial<FullHostConfig>, string][] = [
    [
      { Memory: 1e7 },
      "memory",
      { Memory: 0, MemorySwap: -1 },
      "memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
    ],
    [
      { Memory: 1e7 },
      "swap",
      { Memory: 1e7, MemorySwap: -1 },
      "swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    ],
    [
      { MemorySwappiness: 5 },
      "swappiness",
      { MemorySwappiness: null },
      "memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
    ],
    [
      { MemoryReservation: 1e7 },
      "reservation",
      { MemoryReservation: 0 },
      "memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.",
    ],
    [
      { OomKillDisable: true, Memory: 1e7 },
      "oomKillDisable",
      { OomKillDisable: null },
      "OomKillDisable. OomKillDisable discarded.",
    ],
    [
      { PidsLimit: 5 },
      "pids",
      { PidsLimit: null },
      "PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.",
    ],
    [
      { CpuShares: 5 },
      "cpuShares",
      { CpuShares: 0 },
      "CPU shares or the cgroup is not mounted. Shares discarded.",
    ],
    [{ CpuQuota: 5000 }, "cpuQuota", { CpuQuota: 0 }, "CPU CFS scheduler. CPU period/quota discarded."],
    [
      { CpusetCpus: "0" },
      "cpuset",
      { CpusetCpus: "" },
      "cpuset or the cgroup is not mounted. Cpuset discarded.",
    ],
    [
      { BlkioWeight: 10 },
      "blockWeight",
      { BlkioWeight: 0 },
      "Block I/O weight or the cgroup is not mounted. Weight discarded.",
    ],
    [
      { BlkioDeviceWriteBps: device },
      "blockRates",
      { BlkioDeviceWriteBps: [] },
      "BPS Block I/O write limit or the cgroup is not mounted. Block I/O BPS write limit discarded.",
    ],
  ];
  test.each(rows)("%j without %s", (request, lacking, left, warning) => {
    const { warnings, host } = fit(request, { [lacking]: false });
    expect(warnings).toEqual([`Your kernel does not support ${warning}`]);
    expect(host).toMatchObject(left);
    expect(fit(request).warnings).toEqual([]);
  });
});

test("the OOM killer's absence without a limit of memory is warned of", () => {
  expect(fit({ OomKillDisable: true }).warnings).toEqual([
    "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
  ]);
});

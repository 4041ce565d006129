import { expect, test } from "bun:test";
import { cgroupSupport } from "./cgroup_support.ts";

/** Control files by path, as far as they matter. */
function reader(files: Record<string, string>): (path: string) => string | undefined {
  return (path) => files[path];
}

test("version 1 can limit what it has a file for", () => {
  const layout = {
    version: 1,
    hybrid: true,
    hierarchies: ["memory", "cpu", "cpuset", "blkio"].map((name) => ({
      controllers: [name],
      root: `/cg/${name}`,
    })),
  } as const;
  const support = cgroupSupport(
    layout,
    reader({
      "/cg/memory/memory.limit_in_bytes": "1",
      "/cg/memory/memory.oom_control": "",
      "/cg/cpu/cpu.shares": "1024",
      "/cg/cpuset/cpuset.cpus": "0-3\n",
      "/cg/cpuset/cpuset.mems": "0\n",
      "/cg/blkio/blkio.bfq.io_service_bytes": "",
    }),
  );
  expect(support).toEqual({
    ...{
      memory: true,
      swap: false,
      swappiness: false,
      reservation: false,
      oomKillDisable: true,
      pids: false,
    },
    ...{ cpuShares: true, cpuQuota: false, cpuRealtime: false, cpuset: true },
    ...{ blockWeight: true, blockWeightDevice: true, blockRates: false, cpus: "0-3", memoryNodes: "0" },
  });
});

const UNIFIED = { version: 2, root: "/cg" } as const;
const CONTROLLERS = {
  "/cg/cgroup.controllers": "cpuset cpu io memory pids\n",
  "/cg/cpuset.cpus.effective": "0-7\n",
  "/cg/cpuset.mems.effective": "0\n",
};

test("version 2 can limit what it has a controller for, but for what it has given up", () => {
  expect(cgroupSupport(UNIFIED, reader(CONTROLLERS))).toEqual({
    ...{ memory: true, swap: true, swappiness: false, reservation: true, oomKillDisable: false, pids: true },
    ...{ cpuShares: true, cpuQuota: true, cpuRealtime: false, cpuset: true },
    ...{ blockWeight: true, blockWeightDevice: true, blockRates: true, cpus: "0-7", memoryNodes: "0" },
  });
});

test("what a kernel of version 2 leaves out is seen in the engine's own group, where that has the controller", () => {
  const own = { "/proc/self/cgroup": "1:name=systemd:/x\n0::/system.slice/fathom.service\n" };
  const group = "/cg/system.slice/fathom.service";
  const look = (files: Record<string, string>) => {
    const { swap, blockWeight, blockWeightDevice } = cgroupSupport(
      UNIFIED,
      reader({ ...CONTROLLERS, ...own, ...files }),
    );
    return { swap, blockWeight, blockWeightDevice };
  };
  expect(look({})).toEqual({ swap: true, blockWeight: true, blockWeightDevice: true });
  expect(look({ [`${group}/memory.max`]: "max", [`${group}/io.max`]: "" })).toEqual({
    ...{ swap: false, blockWeight: false, blockWeightDevice: false },
  });
  expect(look({ [`${group}/io.max`]: "", [`${group}/io.weight`]: "default 100" })).toEqual({
    ...{ swap: true, blockWeight: true, blockWeightDevice: false },
  });
});

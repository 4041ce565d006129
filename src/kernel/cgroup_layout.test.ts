import { describe, expect, test } from "bun:test";
import type { Resources } from "../spec/oci_runtime.ts";
import { planCgroup, weightOfShares } from "./_cgroup_plan.ts";
import { type CgroupLayout, parseCgroupLayout } from "./cgroup_layout.ts";

/** As recorded under systemd on Debian 12. */
const UNIFIED = `
24 31 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
31 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
35 23 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`;

/** As recorded on a machine where v1 holds the controllers beside a v2 tree. */
const HYBRID = `
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

/** As recorded under systemd on CentOS 7: some controllers share a hierarchy, net_cls is none of ours. */
const LEGACY = `
25 17 0:20 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:8 - tmpfs tmpfs ro,mode=755
26 25 0:21 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:9 - cgroup cgroup rw,xattr,release_agent=/usr/lib/systemd/systemd-cgroups-agent,name=systemd
28 25 0:23 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:10 - cgroup cgroup rw,memory
29 25 0:24 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:11 - cgroup cgroup rw,cpuacct,cpu
30 25 0:25 / /sys/fs/cgroup/net_cls,net_prio rw,nosuid,nodev,noexec,relatime shared:12 - cgroup cgroup rw,net_prio,net_cls
31 25 0:26 / /sys/fs/cgroup/blkio rw,nosuid,nodev,noexec,relatime shared:13 - cgroup cgroup rw,blkio
99 60 0:23 /docker/4a /var/lib/x/cgroup/memory rw,relatime - cgroup cgroup rw,memory
`;

describe("the layout of control groups", () => {
  test("is version 2 where only that is mounted", () => {
    expect(parseCgroupLayout(UNIFIED)).toEqual({ version: 2, root: "/sys/fs/cgroup" });
  });

  test("is version 1 where that holds the controllers, be a v2 tree there or not", () => {
    expect(parseCgroupLayout(HYBRID)).toEqual({
      version: 1,
      hybrid: true,
      hierarchies: ["cpu", "cpuset", "memory", "devices", "pids"].map((name) => ({
        controllers: [name],
        root: `/sys/fs/cgroup/${name}`,
      })),
    });
  });

  test("has controllers that share a hierarchy once, and the first of two mounts", () => {
    expect(parseCgroupLayout(LEGACY)).toEqual({
      version: 1,
      hybrid: false,
      hierarchies: [
        { controllers: ["memory"], root: "/sys/fs/cgroup/memory" },
        { controllers: ["cpuacct", "cpu"], root: "/sys/fs/cgroup/cpu,cpuacct" },
        { controllers: ["blkio"], root: "/sys/fs/cgroup/blkio" },
      ],
    });
  });

  test("stays version 2 where a program has mounted net_cls as v1 for itself", () => {
    const stray = "70 35 0:60 / /run/vpn/net_cls rw,relatime - cgroup net_cls rw,net_cls\n";
    expect(parseCgroupLayout(stray + UNIFIED)).toMatchObject({ version: 2 });
  });

  test("that is none at all is refused with what to do", () => {
    expect(() => parseCgroupLayout("31 1 8:1 / / rw - ext4 /dev/sda1 rw\n")).toThrow(
      "mount cgroup2 at /sys/fs/cgroup",
    );
  });
});

/** `directory/file = value` for each write of a plan. */
function rows(layout: CgroupLayout, resources: Resources): string[] {
  return planCgroup(layout, "/fathom/x", resources).flatMap(({ directory, writes }) =>
    writes.map(({ file, value, otherwise }) => {
      const files = otherwise === undefined ? file : `${file} or ${otherwise.file}`;
      const values = [...new Set([value, otherwise?.value ?? value])].join(" or ");
      return `${directory.replace("/sys/fs/cgroup", "")}/${files} = ${values}`;
    }),
  );
}

const BLOCKS: Resources = {
  blockIO: {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 300 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 << 20 }],
    throttleWriteBpsDevice: [{ major: 8, minor: 16, rate: 0 }],
    throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 100 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 200 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
};

const ALL: Resources = {
  memory: { limit: 64 << 20, swap: 128 << 20, reservation: 32 << 20, swappiness: 0, disableOOMKiller: true },
  cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0-1", mems: "0" },
  pids: { limit: 100 },
  devices: [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    { allow: true, type: "c", major: 136, access: "rwm" },
    { allow: true, type: "b", major: -1, minor: -1, access: "m" },
  ],
};

describe("a control group of version 1", () => {
  const layout = parseCgroupLayout(HYBRID);

  test("has one directory in each hierarchy", () => {
    expect(planCgroup(layout, "/fathom/x", {}).map(({ directory }) => directory)).toEqual(
      ["cpu", "cpuset", "memory", "devices", "pids"].map((name) => `/sys/fs/cgroup/${name}/fathom/x`),
    );
  });

  test("gets each limit in its file, memory before memory and swap, the period before the quota", () => {
    expect(rows(layout, ALL)).toEqual([
      "/cpu/fathom/x/cpu.shares = 512",
      "/cpu/fathom/x/cpu.cfs_period_us = 100000",
      "/cpu/fathom/x/cpu.cfs_quota_us = 50000",
      "/cpuset/fathom/x/cpuset.cpus = 0-1",
      "/cpuset/fathom/x/cpuset.mems = 0",
      "/memory/fathom/x/memory.limit_in_bytes = 67108864",
      "/memory/fathom/x/memory.memsw.limit_in_bytes = 134217728",
      "/memory/fathom/x/memory.soft_limit_in_bytes = 33554432",
      "/memory/fathom/x/memory.swappiness = 0",
      "/memory/fathom/x/memory.oom_control = 1",
      "/devices/fathom/x/devices.deny = a",
      "/devices/fathom/x/devices.allow = c 1:3 rwm",
      "/devices/fathom/x/devices.allow = c 136:* rwm",
      "/devices/fathom/x/devices.allow = b *:* m",
      "/pids/fathom/x/pids.max = 100",
    ]);
  });

  test("gets limits on block I/O and huge pages, and real-time CPU time behind its period", () => {
    const layout = parseCgroupLayout(
      `${LEGACY}32 25 0:27 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb\n`,
    );
    expect(rows(layout, { ...BLOCKS, cpu: { realtimeRuntime: 5000, realtimePeriod: 10_000 } })).toEqual([
      "/cpu,cpuacct/fathom/x/cpu.rt_period_us = 10000",
      "/cpu,cpuacct/fathom/x/cpu.rt_runtime_us = 5000",
      "/blkio/fathom/x/blkio.bfq.weight or blkio.weight = 500",
      "/blkio/fathom/x/blkio.bfq.weight_device or blkio.weight_device = 8:0 300",
      "/blkio/fathom/x/blkio.throttle.read_bps_device = 8:0 1048576",
      "/blkio/fathom/x/blkio.throttle.write_bps_device = 8:16 0",
      "/blkio/fathom/x/blkio.throttle.read_iops_device = 8:0 100",
      "/blkio/fathom/x/blkio.throttle.write_iops_device = 8:0 200",
      "/hugetlb/fathom/x/hugetlb.2MB.limit_in_bytes = 4194304",
    ]);
  });

  test("gets nothing where nothing is limited: absent, zero, and no processes' limit", () => {
    expect(rows(layout, {})).toEqual([]);
    expect(rows(layout, { memory: { limit: 0, swap: 0 }, cpu: { shares: 0, quota: 0, cpus: "" } })).toEqual(
      [],
    );
    expect(rows(layout, { memory: { limit: -1 }, pids: { limit: -1 } })).toEqual([
      "/memory/fathom/x/memory.limit_in_bytes = -1",
      "/pids/fathom/x/pids.max = max",
    ]);
  });

  test("is refused where the host lacks the controller of a limit", () => {
    expect(() => rows(parseCgroupLayout(LEGACY), { pids: { limit: 5 } })).toThrow(
      "cannot limit processes: this host has no pids control group",
    );
  });
});

describe("a control group of version 2", () => {
  const layout = parseCgroupLayout(UNIFIED);

  test("is one directory", () => {
    expect(planCgroup(layout, "/fathom/x", {}).map(({ directory }) => directory)).toEqual([
      "/sys/fs/cgroup/fathom/x",
    ]);
  });

  test("gets each limit in its file, swap without the memory, shares as a weight", () => {
    expect(rows(layout, ALL)).toEqual([
      "/fathom/x/memory.max = 67108864",
      "/fathom/x/memory.swap.max = 67108864",
      "/fathom/x/memory.low = 33554432",
      "/fathom/x/cpu.weight = 59",
      "/fathom/x/cpu.max = 50000 100000",
      "/fathom/x/cpuset.cpus = 0-1",
      "/fathom/x/cpuset.mems = 0",
      "/fathom/x/pids.max = 100",
    ]);
  });

  test("gets limits on block I/O and huge pages", () => {
    expect(rows(layout, BLOCKS)).toEqual([
      "/fathom/x/io.bfq.weight or io.weight = 500 or 4950",
      "/fathom/x/io.bfq.weight = 8:0 300",
      "/fathom/x/io.max = 8:0 rbps=1048576",
      "/fathom/x/io.max = 8:16 wbps=max",
      "/fathom/x/io.max = 8:0 riops=100",
      "/fathom/x/io.max = 8:0 wiops=200",
      "/fathom/x/hugetlb.2MB.max = 4194304",
    ]);
    for (const [weight, value] of [
      [10, 1],
      [1000, 10_000],
    ])
      expect(rows(layout, { blockIO: { weight } })[0]).toEndWith(`${weight} or ${value}`);
  });

  test("takes no size of huge pages that would be another file", () => {
    expect(() => rows(layout, { hugepageLimits: [{ pageSize: "../x", limit: 1 }] })).toThrow("not a size");
  });

  test("writes no limit as max", () => {
    expect(rows(layout, { memory: { limit: -1, swap: -1 }, cpu: { quota: -1 }, pids: { limit: 0 } })).toEqual(
      [
        "/fathom/x/memory.max = max",
        "/fathom/x/memory.swap.max = max",
        "/fathom/x/cpu.max = max 100000",
        "/fathom/x/pids.max = max",
      ],
    );
  });

  test("refuses memory and swap that are less than memory", () => {
    expect(() => rows(layout, { memory: { limit: 100, swap: 50 } })).toThrow("less than memory (100)");
    expect(() => rows(layout, { memory: { swap: 50 } })).toThrow("not limited");
  });
});

test("a control group's path cannot lead out of its hierarchy", () => {
  for (const path of ["", "/", "fathom", "/../x", "/fathom/..", "/fathom/./x", "/fathom//x"]) {
    expect(() => planCgroup(parseCgroupLayout(UNIFIED), path, {})).toThrow("not an absolute path");
  }
});

test("shares become a weight by a curve through least, default and most", () => {
  expect([0, 2, 1024, 262_144, 1_000_000].map(weightOfShares)).toEqual([1, 1, 100, 10_000, 10_000]);
  expect([3, 100, 512, 2048, 100_000].map(weightOfShares)).toEqual([2, 17, 59, 174, 4340]);
});

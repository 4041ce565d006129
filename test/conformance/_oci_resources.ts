/** What the OCI project's validation programs look at from outside, while a container waits: its namespaces and its control groups. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cpus } from "node:os";
import type { NamespaceType, Resources } from "../../src/spec/oci_runtime.ts";
import type { Change } from "./_oci_bundle.ts";
import { beside, fails, type Make, type Replay, so, works } from "./_oci_life.ts";

/** By the names of namespaces(7) below /proc/PID/ns. */
const NAMESPACES: Readonly<Record<string, NamespaceType>> = {
  cgroup: "cgroup",
  ipc: "ipc",
  mnt: "mount",
  net: "network",
  pid: "pid",
  user: "user",
  uts: "uts",
};

const namespaceOf = (pid: number, name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);

function joining(type: NamespaceType, path: string): Change {
  return (config) => {
    if (type === "uts") config.hostname = "";
    config.linux.namespaces = [...config.linux.namespaces.filter((one) => one.type !== type), { type, path }];
  };
}

const WRONG: Readonly<Record<string, string>> = {
  cgroup: "ipc",
  ipc: "mnt",
  mnt: "net",
  net: "pid",
  pid: "user",
  user: "uts",
  uts: "cgroup",
};

const namespaces: readonly Replay[] = [
  {
    name: "linux_ns_itype",
    async play(make, { host }) {
      const container = make((config) => {
        config.hostname = "";
        config.linux.namespaces = [];
      });
      await works("create", container.create());
      const { pid } = await container.state();
      for (const name of Object.keys(NAMESPACES))
        so(namespaceOf(pid, name) === namespaceOf(host, name), `${name} is inherited`);
    },
  },
  {
    name: "linux_ns_nopath",
    async play(make, { host }) {
      const container = make((config, { bundle }) => {
        Bun.spawnSync(["chmod", "-R", "a+rX", bundle]);
        const map = [{ hostID: 1000, containerID: 0, size: 1000 }];
        config.linux.namespaces = Object.values(NAMESPACES).map((type) => ({ type }));
        config.linux.uidMappings = map;
        config.linux.gidMappings = map;
        config.linux.resources = {};
      });
      await works("create", container.create());
      const { pid } = await container.state();
      for (const name of Object.keys(NAMESPACES))
        so(namespaceOf(pid, name) !== namespaceOf(host, name), `${name} is new`);
    },
  },
  ...Object.entries({ ipc: "--ipc", mnt: "--mount", net: "--net", pid: "--pid", uts: "--uts" }).map(
    ([name, option]): Replay => ({
      name: `linux_ns_path: ${name}`,
      play: (make) =>
        beside(option, async (pid) => {
          const path = `/proc/${pid}/ns/${name}${name === "pid" ? "_for_children" : ""}`;
          const container = make(joining(NAMESPACES[name] ?? "ipc", path));
          await works("create", container.create());
          const own = namespaceOf((await container.state()).pid, name);
          so(own === readlinkSync(path), `its ${name} namespace is the one at the path`);
        }),
    }),
  ),
  ...Object.entries(WRONG).map(
    ([name, wrong]): Replay => ({
      name: `linux_ns_path_type: ${name}`,
      async play(make) {
        const container = make(joining(NAMESPACES[name] ?? "ipc", `/proc/self/ns/${wrong}`));
        await fails(`a path to a namespace of the type ${wrong}`, container.create());
      },
    }),
  ),
];

type Seen = Readonly<Record<string, string>>;

/** Files of a control group on version 1, as CONTROLLER/FILE, and what they hold while the container waits. */
async function holds(make: Make, resources: object, { seen, relative }: { seen: Seen; relative: boolean }) {
  const container = make((config) => {
    config.linux.resources = resources as Resources;
    if (relative) config.linux.cgroupsPath = relativePath(config.linux.cgroupsPath ?? "");
  });
  await works("create", container.create());
  const { pid } = await container.state();
  for (const [file, expected] of Object.entries(seen)) {
    const [controller = ""] = file.split("/");
    const text = readFileSync(
      `/sys/fs/cgroup/${controller}${groupOf(pid, controller)}/${file.slice(controller.length + 1)}`,
      "latin1",
    );
    const lines = text.trim().split("\n");
    so(
      expected.split("\n").every((line) => lines.includes(line)),
      `${file} holds ${expected}, not ${text.trim()}`,
    );
    so(relative || groupOf(pid, controller) === container.group, `the group is where it is asked for`);
  }
}

const relativePath = (path: string): string => path.slice(1);

/** proc(5), /proc/PID/cgroup: where it is in one hierarchy of version 1. */
function groupOf(pid: number, controller: string): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, "latin1")
    .split("\n")
    .find((one) => one.split(":")[1]?.split(",").includes(controller));
  return line?.split(":").slice(2).join(":") ?? "";
}

/** A whole disk of this host, by its numbers. */
function disk(): { major: number; minor: number } | undefined {
  for (const name of readdirSync("/sys/block").sort()) {
    if (/^(?:loop|ram|zram|md|dm|nbd)/.test(name)) continue;
    const [major, minor] = readFileSync(`/sys/block/${name}/dev`, "latin1").split(":").map(Number);
    if (major !== undefined && minor !== undefined) return { major, minor };
  }
  return undefined;
}

const onVersion1 = (controller: string, file: string): boolean =>
  existsSync(`/sys/fs/cgroup/${controller}/${file}`);

interface Limits {
  name: string;
  resources: object;
  seen: Seen;
  /** Why this host cannot have it. */
  lacking?: string | undefined;
}

function blockIo(): Limits {
  const device = disk();
  const limits = ["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"].map((what) => [
    `throttle${what}Device`,
    [{ ...device, rate: 102_400 }],
  ]);
  const line = `${device?.major}:${device?.minor} 102400`;
  const files = ["read_bps", "write_bps", "read_iops", "write_iops"];
  return {
    name: "blkio",
    resources: { blockIO: Object.fromEntries(limits) },
    seen: Object.fromEntries(files.map((file) => [`blkio/blkio.throttle.${file}_device`, line])),
    lacking: device === undefined ? "there is no disk to limit" : undefined,
  };
}

const MEMORY = 50_593_792;
const ALL_CPUS = `0-${cpus().length - 1}`;

const limits: readonly Limits[] = [
  blockIo(),
  {
    name: "blkio: weight",
    resources: { blockIO: { weight: 500 } },
    seen: { "blkio/blkio.weight": "500" },
    lacking: onVersion1("blkio", "blkio.weight") ? undefined : "this kernel has no blkio.weight",
  },
  {
    name: "cpus",
    resources: { cpu: { shares: 1024, period: 100_000, quota: 50_000, cpus: ALL_CPUS, mems: "0" } },
    seen: {
      "cpu/cpu.shares": "1024",
      "cpu/cpu.cfs_period_us": "100000",
      "cpu/cpu.cfs_quota_us": "50000",
      "cpuset/cpuset.cpus": ALL_CPUS,
      "cpuset/cpuset.mems": "0",
    },
  },
  {
    name: "cpus: more than a period",
    resources: { cpu: { shares: 2048, period: 500_000, quota: 200_000, cpus: "0", mems: "0" } },
    seen: { "cpu/cpu.shares": "2048", "cpu/cpu.cfs_period_us": "500000", "cpuset/cpuset.cpus": "0" },
  },
  { name: "cpus: none", resources: { cpu: {} }, seen: { "cpu/cpu.cfs_quota_us": "-1" } },
  {
    name: "devices",
    resources: {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
        { allow: true, type: "b", major: 8, minor: 20, access: "rw" },
        { allow: true, type: "b", major: 10, minor: 200, access: "r" },
      ],
    },
    seen: { "devices/devices.list": "c 10:229 rwm\nb 8:20 rw\nb 10:200 r" },
  },
  {
    name: "memory",
    resources: {
      memory: { limit: MEMORY, reservation: MEMORY, swap: MEMORY, swappiness: 50, disableOOMKiller: true },
    },
    seen: {
      "memory/memory.limit_in_bytes": String(MEMORY),
      "memory/memory.soft_limit_in_bytes": String(MEMORY),
      "memory/memory.memsw.limit_in_bytes": String(MEMORY),
      "memory/memory.swappiness": "50",
      "memory/memory.oom_control": "oom_kill_disable 1",
    },
    lacking: onVersion1("memory", "memory.memsw.limit_in_bytes")
      ? undefined
      : "this kernel does not account for swap",
  },
  {
    name: "memory: kernel",
    resources: { memory: { kernelTCP: MEMORY } },
    seen: { "memory/memory.kmem.tcp.limit_in_bytes": String(MEMORY) },
    lacking: onVersion1("memory", "memory.kmem.tcp.limit_in_bytes")
      ? undefined
      : "this kernel has no limits for its own memory",
  },
  {
    name: "network",
    resources: { network: { classID: 255, priorities: [{ name: "lo", priority: 10 }] } },
    seen: { "net_cls/net_cls.classid": "255" },
    lacking: onVersion1("net_cls", "net_cls.classid") ? undefined : "this kernel has no net_cls",
  },
  {
    name: "hugetlb",
    resources: { hugepageLimits: [{ pageSize: "2MB", limit: 2 ** 31 }] },
    seen: { "hugetlb/hugetlb.2MB.limit_in_bytes": String(2 ** 31) },
    lacking: onVersion1("hugetlb", "hugetlb.2MB.limit_in_bytes") ? undefined : "no hugetlb on version 1 here",
  },
  { name: "pids", resources: { pids: { limit: 1000 } }, seen: { "pids/pids.max": "1000" } },
];

const groups: readonly Replay[] = [false, true].flatMap((relative) =>
  limits
    .filter(({ name }) => !relative || !name.includes(":"))
    .map(
      ({ name, resources, seen, lacking }): Replay => ({
        name: `linux_cgroups_${relative ? "relative_" : ""}${name}`,
        lacking: onVersion1("pids", "") ? lacking : "the control groups are of version 2",
        play: (make) => holds(make, resources, { seen, relative }),
      }),
    ),
);

/** What needs something that this host may not have. */
const labels: readonly Replay[] = [
  {
    name: "linux_cgroups_hugetlb: a size that is none",
    async play(make) {
      const container = make((config) => {
        config.linux.resources = { hugepageLimits: [{ pageSize: "3MB", limit: 2 ** 20 }] };
      });
      await fails("a limit for pages of 3 MB", container.create());
    },
  },
  {
    name: "linux_mount_label",
    lacking: existsSync("/sys/fs/selinux/enforce") ? undefined : "this kernel has no SELinux",
    async play(make) {
      const container = make((config) => {
        Object.assign(config.linux, { mountLabel: "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811" });
      });
      await works("create", container.create());
    },
  },
  {
    name: "linux_process_apparmor_profile",
    lacking: existsSync("/sys/module/apparmor") ? undefined : "this kernel has no AppArmor",
    async play(make) {
      const container = make((config) => {
        config.process.apparmorProfile = "unconfined";
      });
      await works("create", container.create());
    },
  },
];

export const RESOURCES: readonly Replay[] = [...namespaces, ...groups, ...labels];

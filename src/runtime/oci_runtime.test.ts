/** What the OCI specification asks of a runtime, each on the same bundle with the native runtime and with runc. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { hasBusybox, type TestBundles, testBundles } from "./_test_bundle.ts";
import { type Change, NAMES, runScript } from "./_test_oci.ts";

let bundles: TestBundles;
beforeAll(() => {
  bundles = testBundles();
});
afterAll(() => bundles[Symbol.dispose]());

const run = (runtime: string, script: string, change?: Change) =>
  runScript(bundles, runtime, { script, change });

/** Has it join the namespace at a path, under whatever name that has. */
function joins(config: RuntimeConfig, wanted: string, path: string): void {
  config.hostname = "";
  config.linux.namespaces = config.linux.namespaces.map((one) =>
    one.type === wanted ? { ...one, path } : one,
  );
}

/** Shows those files of its control group that this host's version has. */
function groupFiles(...files: string[]): string {
  return `cd /sys/fs/cgroup; cat ${files.join(" ")} 2>/dev/null`;
}

/** proc(5): the fifth field of mountinfo is where a mount is. */
const ROOT_MOUNT = "grep -E '^([^ ]+ ){4}/ ' /proc/self/mountinfo";

describe.skipIf(!hasBusybox)("validation", () => {
  /** Name, what is changed, what is looked at, what is seen. */
  const cases: [string, Change, string, string | RegExp][] = [
    ["hostname", (config) => Object.assign(config, { hostname: "other" }), "hostname", "other"],
    [
      "process_user",
      (config) => Object.assign(config.process.user, { uid: 7, gid: 8, additionalGids: [9, 10] }),
      "id -u; id -g; id -G",
      "7\n8\n8 9 10",
    ],
    ["process_cwd", (config) => Object.assign(config.process, { cwd: "/home/user" }), "pwd", "/home/user"],
    [
      "process_oom_score_adj",
      (config) => Object.assign(config.process, { oomScoreAdj: 123 }),
      "cat /proc/self/oom_score_adj",
      "123",
    ],
    [
      "process_rlimits",
      (config) =>
        Object.assign(config.process, { rlimits: [{ type: "RLIMIT_CORE", soft: 512, hard: 1024 }] }),
      "grep core /proc/self/limits",
      /512 +1024/,
    ],
    [
      "process_capabilities",
      (config) =>
        Object.assign(config.process, {
          capabilities: {
            bounding: ["CAP_KILL"],
            effective: [],
            permitted: [],
            inheritable: [],
            ambient: [],
          },
        }),
      "grep -E 'Cap(Eff|Bnd)' /proc/self/status",
      /CapEff:\s0+20\nCapBnd:\s0+20/,
    ],
    [
      "root_readonly_true",
      (config) => Object.assign(config.root, { readonly: true }),
      "touch /x 2>&1 | grep -c Read-only",
      "1",
    ],
    [
      "linux_sysctl",
      (config) => Object.assign(config.linux, { sysctl: { "net.ipv4.ip_forward": "1" } }),
      "cat /proc/sys/net/ipv4/ip_forward",
      "1",
    ],
    [
      "linux_masked_paths",
      (config) => Object.assign(config.linux, { maskedPaths: ["/etc/passwd", "/home"] }),
      "wc -c </etc/passwd; ls /home | wc -l",
      "0\n0",
    ],
    [
      "linux_readonly_paths",
      (config) => Object.assign(config.linux, { readonlyPaths: ["/home"] }),
      "touch /home/x 2>&1 | grep -c Read-only",
      "1",
    ],
    [
      "linux_devices",
      (config) =>
        Object.assign(config.linux, {
          devices: [{ type: "c", path: "/dev/test", major: 10, minor: 229, fileMode: 438, uid: 3, gid: 4 }],
        }),
      "stat -c '%a %u %g %t %T' /dev/test",
      "666 3 4 a e5",
    ],
    [
      "linux_seccomp",
      (config) =>
        Object.assign(config.linux, {
          seccomp: {
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
          },
        }),
      "mkdir /tmp/new 2>&1 | grep -c permitted; ls /tmp | wc -l",
      "1\n0",
    ],
    [
      "linux_ns_itype",
      (config) =>
        Object.assign(config.linux, {
          namespaces: config.linux.namespaces.filter(({ type }) => type !== "ipc"),
        }),
      "readlink /proc/self/ns/ipc | cut -c1-4",
      "ipc:",
    ],
    ["linux_cgroups_path", () => undefined, "grep -c :pids:/fathom-test-runtime/oci- /proc/self/cgroup", "1"],
    [
      "mounts",
      (config) =>
        void config.mounts.push({
          destination: "/mnt",
          type: "tmpfs",
          source: "tmpfs",
          options: ["size=1m", "noexec", "mode=700"],
        }),
      "grep ' /mnt ' /proc/mounts",
      /tmpfs \/mnt tmpfs rw,noexec,.*size=1024k,mode=700/,
    ],
    ["misc_props", (config) => Object.assign(config, { unknown: { field: 1 } }), "echo on", "on"],
    [
      "linux_ns_path",
      (config) => joins(config, "uts", `/proc/${process.pid}/ns/uts`),
      "readlink /proc/self/ns/uts",
      readlinkSync("/proc/self/ns/uts"),
    ],
    [
      "linux_ns_nopath",
      () => undefined,
      "readlink /proc/self/ns/uts",
      new RegExp(`^uts:(?!${readlinkSync("/proc/self/ns/uts").slice("uts:".length).replace("[", "\\[")})`),
    ],
    [
      "linux_cgroups_pids",
      (config) => Object.assign(config.linux, { resources: { pids: { limit: 17 } } }),
      groupFiles("pids/pids.max", "pids.max"),
      "17",
    ],
    [
      "linux_cgroups_memory",
      (config) => Object.assign(config.linux, { resources: { memory: { limit: 67_108_864 } } }),
      groupFiles("memory/memory.limit_in_bytes", "memory.max"),
      "67108864",
    ],
    [
      "linux_cgroups_cpus",
      (config) =>
        Object.assign(config.linux, { resources: { cpu: { shares: 512, period: 50_000, quota: 25_000 } } }),
      groupFiles("cpu/cpu.shares", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "cpu.max"),
      /^(512\n25000\n50000|25000 50000)$/,
    ],
    [
      "linux_rootfs_propagation_private",
      (config) => Object.assign(config.linux, { rootfsPropagation: "private" }),
      `${ROOT_MOUNT} | grep -cE 'shared:|master:|unbindable'`,
      "0",
    ],
    [
      "default symlinks and devices",
      () => undefined,
      "readlink /dev/fd; readlink /dev/ptmx; ls /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty | wc -l",
      "/proc/self/fd\npts/ptmx\n6",
    ],
  ];
  for (const runtime of NAMES)
    test.each(cases)(`%s (${runtime.split("/").at(-1)})`, async (_, change, script, seen) => {
      const output = await run(runtime, script, change);
      if (typeof seen === "string") expect(output).toBe(seen);
      else expect(output).toMatch(seen);
    });

  // runc 1.1 gives a root below a private mount neither.
  test.each([
    ["shared", "shared:"],
    ["unbindable", "unbindable"],
  ])("linux_rootfs_propagation_%s", async (rootfsPropagation, word) => {
    const change: Change = (config) => Object.assign(config.linux, { rootfsPropagation });
    expect(await run("native", `${ROOT_MOUNT} | grep -c ${word}`, change)).toBe("1");
  });

  // runc 1.1 knows neither.
  test("personality and I/O priority", async () => {
    const seen = await run("native", "uname -m; ionice -p $$", (config) => {
      config.linux.personality = { domain: "LINUX32" };
      config.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
    });
    expect(seen).toMatch(/^(i686|armv8l)\nbest-effort: prio 6$/);
  });
});

// runc 1.1 knows none of these either.
describe.skipIf(!hasBusybox)("what later versions of the specification ask for", () => {
  const failure = (change: Change): Promise<string> =>
    run("native", "true", change).then(String, (error: Error) => error.message);

  test("a scheduler", async () => {
    const policy = (scheduler: NonNullable<RuntimeConfig["process"]["scheduler"]>) =>
      run("native", "cut -d' ' -f19,41 /proc/self/stat", (config) => {
        config.process.scheduler = scheduler;
      });
    expect(await policy({ policy: "SCHED_BATCH", nice: 5 })).toBe("5 3");
    expect(await policy({ policy: "SCHED_IDLE" })).toBe("0 5");
    expect(await policy({ policy: "SCHED_OTHER", nice: 7, flags: [] })).toBe("7 0");
    expect(
      await failure((config) => Object.assign(config.process, { scheduler: { policy: "FAIR" } })),
    ).toMatch(/^unknown scheduling policy FAIR: it is one of SCHED_OTHER, /);
  });

  test("bind mounts on which files appear as others'", async () => {
    const source = join(bundles.directory, "mapped");
    mkdirSync(join(source, "below"), { recursive: true });
    chownSync(join(source, "below"), 3, 4);
    const mounted = (options: string[], hostID: number) => (config: RuntimeConfig) => {
      const map = [{ containerID: 0, hostID, size: 100 }];
      config.mounts.push({ destination: "/mnt", source, options, uidMappings: map, gidMappings: map });
    };
    const look = "stat -c '%u %g' /mnt /mnt/below; mkdir /mnt/new 2>/dev/null; stat -c '%u %g' /mnt/new";
    expect(await run("native", look, mounted(["bind"], 1000))).toStartWith("1000 1000\n1003 1004");
    const user = (config: RuntimeConfig) => {
      mounted(["rbind", "ridmap"], 1000)(config);
      config.process.user = { uid: 1000, gid: 1000 };
    };
    expect(await run("native", look, user)).toBe("1000 1000\n1003 1004\n1000 1000");
    expect(statSync(join(source, "new")).uid).toBe(0);
    expect(await failure(mounted([], 5))).toContain("the mount at /mnt cannot map owners");
  });

  test("the domain of its name", async () => {
    const look = "cat /proc/sys/kernel/domainname";
    expect(await run("native", look, (config) => Object.assign(config, { domainname: "example.org" }))).toBe(
      "example.org",
    );
  });

  test("clocks of its own, which need a new time namespace", async () => {
    const offset = (secs: number, own: boolean) => (config: RuntimeConfig) => {
      if (own) config.linux.namespaces.push({ type: "time" });
      config.linux.timeOffsets = { boottime: { secs }, monotonic: { secs, nanosecs: secs === 0 ? 0 : 5 } };
    };
    const uptime = async (change: (config: RuntimeConfig) => void) =>
      Number((await run("native", "cat /proc/uptime", change)).split(" ")[0]);
    const own = await uptime(offset(10_000_000, true));
    const host = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
    expect(own).toBeGreaterThan(9_999_000 + host);
    expect(own).toBeLessThan(10_001_000 + host);
    expect(await failure(offset(5, false))).toContain("timeOffsets need a new time namespace");
    expect(await failure(offset(-1e9, true))).toContain("set the clock boottime: ERANGE");
    expect(await failure(offset(0.5, true))).toContain("timeOffsets cannot have boottime with 0.5 s");
    expect(await run("native", "echo on", offset(0, false))).toBe("on");
  });
});

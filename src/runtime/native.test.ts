import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mountpoints, recording } from "../kernel/mod.ts";
import type { Step } from "../spec/receipt.ts";
import { hasBusybox } from "./_test_bundle.ts";
import { stop, type TestContainers, testContainers } from "./_test_native.ts";

let containers: TestContainers;
let open: string[] = [];
beforeAll(() => {
  containers = testContainers();
  open = readdirSync("/proc/self/fd");
});
afterAll(() => containers[Symbol.dispose]());

describe.skipIf(!hasBusybox)("a container", () => {
  test("ends with its program's status, and leaves no descriptor and no mount behind", async () => {
    expect((await containers.run(["sh", "-c", "exit 7"])).ending).toEqual({ exitCode: 7 });
    expect((await containers.run(["false"])).ending).toEqual({ exitCode: 1 });
    const held = () => readdirSync("/proc/self/fd").length;
    // Bun lets go of the duplicate of a descriptor it has watched some milliseconds later.
    for (let waited = 0; waited < 100 && held() > open.length + 2; waited++) await Bun.sleep(10);
    expect(held()).toBeLessThanOrEqual(open.length + 2);
    const left = mountpoints().filter(({ mountPoint }) =>
      mountPoint.startsWith(containers.bundles.directory),
    );
    expect(left).toEqual([]);
  });

  test("has three descriptors and none of the host's", async () => {
    const listed = await containers.sh("ls -l /proc/1/fd");
    expect(listed.match(/ -> /g)?.length).toBe(3);
    expect(listed.match(/pipe:/g)?.length).toBe(3);
  });

  test("blocks and ignores no signal", async () => {
    const { output } = await containers.run(["cat", "/proc/self/status"]);
    expect(output).toMatch(/SigBlk:\t0{16}\nSigIgn:\t0{16}/);
  });

  test("has the capabilities and the filter that were asked for", async () => {
    const status = await containers.sh("cat /proc/self/status");
    expect(status).toMatch(/CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb/);
    expect(status).toMatch(/Seccomp:\t2/);
    expect(status).toMatch(/NoNewPrivs:\t0/);
  });

  test("of a user without capabilities keeps the ambient ones", async () => {
    const some = ["CAP_NET_RAW", "CAP_KILL"];
    const capabilities = {
      bounding: some,
      effective: some,
      permitted: some,
      inheritable: some,
      ambient: ["CAP_KILL"],
    };
    const user = { uid: 1000, gid: 1001, additionalGids: [7, 8], umask: 0o077 };
    const status = await containers.sh(
      "id; umask; cat /proc/self/status; echo $HOME; echo again > /dev/stdout",
      {
        process: { user, capabilities, noNewPrivileges: true },
      },
    );
    expect(status).toStartWith("uid=1000(user) gid=1001 groups=7,8");
    expect(status).toMatch(/\n0077\n/);
    expect(status).toMatch(/CapInh:\t0+2020\nCapPrm:\t0+20\nCapEff:\t0+20\nCapBnd:\t0+2020\nCapAmb:\t0+20\n/);
    expect(status).toMatch(/NoNewPrivs:\t1/);
    expect(status).toMatch(/Seccomp:\t2/);
    expect(status).toEndWith("/home/user\nagain\n");
  });

  test("is alone in its namespaces, which have their own names and interfaces", async () => {
    const seen = await containers.sh("echo $$; uname -n; ip -o link; hostname other && hostname");
    expect(seen).toStartWith("1\nbox\n1: lo: <LOOPBACK,UP,LOWER_UP>");
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).not.toContain("other");
  });

  test("joins a network namespace by its path", async () => {
    const path = `/proc/${process.pid}/ns/net`;
    const namespaces = [
      { type: "mount" as const },
      { type: "pid" as const },
      { type: "uts" as const },
      { type: "network" as const, path },
    ];
    const seen = await containers.sh("readlink /proc/self/ns/net", { linux: { namespaces } });
    expect(seen.trim()).toBe(`net:[${inode("net")}]`);
  });

  test("has namespaces of cgroups and of time of its own where they are asked for", async () => {
    const namespaces = (["mount", "pid", "uts", "cgroup", "time"] as const).map((type) => ({ type }));
    const seen = await containers.sh(
      "cat /proc/self/cgroup; readlink /proc/self/ns/time /proc/self/ns/cgroup; ls /sys/fs/cgroup/pids",
      { linux: { namespaces } },
    );
    expect(seen).toMatch(/:pids:\/\n/);
    expect(seen).not.toContain(`time:[${inode("time")}]`);
    expect(seen).not.toContain(`cgroup:[${inode("cgroup")}]`);
    expect(seen).toContain("pids.max");
  });

  test("in another's PID namespace sees that one's processes", async () => {
    const first = await containers.start(["sleep", "60"]);
    try {
      const namespaces = [
        { type: "mount" as const },
        { type: "uts" as const },
        { type: "pid" as const, path: `/proc/${first.pid}/ns/pid` },
      ];
      expect(await containers.sh("cat /proc/1/cmdline", { linux: { namespaces } })).toContain("sleep");
    } finally {
      await stop(first);
    }
  });

  test("with the host's PID namespace sees the host's processes", async () => {
    const namespaces = [{ type: "mount" as const }, { type: "uts" as const }];
    expect(await containers.sh(`cat /proc/${process.pid}/comm`, { linux: { namespaces } })).toBe(
      readFileSync("/proc/self/comm", "utf8"),
    );
  });

  test("sees the devices and links of every container, and those added", async () => {
    const device = {
      type: "c" as const,
      path: "/dev/net/extra",
      major: 1,
      minor: 7,
      fileMode: 0o640,
      uid: 3,
      gid: 4,
    };
    const seen = await containers.sh("ls -ln /dev /dev/net; cat /dev/null; head -c 4 /dev/zero | wc -c", {
      linux: { devices: [device] },
    });
    for (const name of ["null", "zero", "full", "random", "urandom", "tty"])
      expect(seen).toMatch(new RegExp(`crw-rw-rw- .* ${name}\\n`));
    for (const link of ["fd -> /proc/self/fd", "stdin -> /proc/self/fd/0", "ptmx -> pts/ptmx"])
      expect(seen).toContain(link);
    expect(seen).toMatch(/crw-r----- +1 3 +4 +1, +7 .* extra\n/);
    expect(seen).toEndWith("\n4\n");
  });

  test("cannot write to paths that are read-only, nor read those that are masked", async () => {
    const seen = await containers.sh(
      "echo 1 > /proc/sys/kernel/domainname; cat /proc/keys /proc/timer_list | wc -c; ls /proc/acpi /sys/firmware; touch /sys/x",
    );
    expect(seen).toMatch(/domainname: Read-only file system/);
    expect(seen).toMatch(/^0$/m);
    expect(seen).toMatch(/x: Read-only file system/);
  });

  test("has a read-only root where that is asked for, and can write to a tmpfs in it", async () => {
    const tmpfs = { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=1777"] };
    const seen = await containers.sh("touch /x; touch /tmp/x && echo fine", {
      readonly: true,
      mounts: [tmpfs],
    });
    expect(seen).toMatch(/x: Read-only file system\nfine\n/);
  });

  test("sees its control groups read-only, and just its own", async () => {
    const seen = await containers.sh(
      "cat /sys/fs/cgroup/pids/pids.max; ls /sys/fs/cgroup; touch /sys/fs/cgroup/x /sys/fs/cgroup/pids/x; cat /proc/self/cgroup",
    );
    expect(seen).toStartWith("200\n");
    expect(seen.match(/Read-only file system/g)?.length).toBe(2);
    expect(seen).toMatch(/:pids:\/fathom-test-runtime\/native-/);
  });

  test("gets limits, or the most this host's root may give", async () => {
    const rlimits = [
      { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      { type: "RLIMIT_MEMLOCK", soft: 2 ** 40, hard: 2 ** 64 },
    ];
    const seen = await containers.sh("cat /proc/self/limits", { process: { rlimits } });
    expect(seen).toMatch(/Max open files +100 +200 /);
    expect(seen).toMatch(/Max core file size +0 +0 /);
  });

  test("has the sysctls of its namespaces set", async () => {
    const sysctl = { "net.ipv4.ip_unprivileged_port_start": "77", "kernel.msgmax": "4096" };
    const seen = await containers.sh(
      "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax",
      {
        linux: { sysctl },
      },
    );
    expect(seen).toBe("77\n4096\n");
  });

  test("gets the out-of-memory score that was asked for", async () => {
    expect(await containers.sh("cat /proc/self/oom_score_adj", { process: { oomScoreAdj: 123 } })).toBe(
      "123\n",
    );
  });

  test("is refused a call by its filter", async () => {
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" as const, errnoRet: 28 }];
    const seen = await containers.sh("mkdir /tmp/x", {
      linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls } },
    });
    expect(seen).toMatch(/No space left on device/);
  });

  test("starts in its working directory, which is made where it is missing", async () => {
    expect(await containers.sh("pwd", { process: { cwd: "/made/for/it" } })).toBe("/made/for/it\n");
  });

  test("leaves receipts of all its rows, the execve last", async () => {
    const steps: Step[] = [];
    await recording(
      "shim",
      (step) => steps.push(step()),
      () => containers.run(["true"]),
    );
    const own = steps.filter(({ by }) => by === "container");
    expect(own.length).toBeGreaterThan(150);
    expect(own.at(-1)).toMatchObject({
      call: "execve",
      args: ['"/bin/true"', '["true"]', expect.any(String)],
    });
    expect(own.every(({ what }) => what !== undefined)).toBe(true);
  });
});

/** The number of this process's namespace. */
function inode(name: string): string {
  return /\[(\d+)\]/.exec(readlinkSync(`/proc/self/ns/${name}`))?.[1] ?? "";
}

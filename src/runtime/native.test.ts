import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  AT,
  check,
  closeFd,
  exited,
  mountpoints,
  O,
  reap,
  recording,
  sendSignal,
  sys,
  writeAll,
} from "../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../spec/oci_runtime.ts";
import type { Step } from "../spec/receipt.ts";
import {
  capture,
  dockerConfig,
  dockerProcess,
  hasBusybox,
  type Outcome,
  runToEnd,
  type TestBundles,
  testBundles,
  textOf,
} from "./_test_bundle.ts";
import { native } from "./native.ts";
import { type Running, RuntimeError } from "./runtime.ts";

let bundles: TestBundles;
let open: string[] = [];
let mounts = 0;
beforeAll(() => {
  bundles = testBundles();
  mounts = mountpoints().length;
  open = readdirSync("/proc/self/fd");
});
afterAll(() => bundles[Symbol.dispose]());

let count = 0;
const newId = (): string => `native-${process.pid}-${count++}`;

interface Change {
  process?: Partial<Process>;
  mounts?: RuntimeConfig["mounts"];
  linux?: Partial<RuntimeConfig["linux"]>;
  readonly?: boolean;
}

function bundleOf(args: readonly string[], change: Change = {}): { id: string; bundle: string } {
  const config = dockerConfig(bundles.root, dockerProcess(args, change.process));
  const id = newId();
  const bundle = bundles.write(id, {
    ...config,
    root: { path: "../rootfs", readonly: change.readonly ?? false },
    mounts: [...config.mounts, ...(change.mounts ?? [])],
    linux: { ...config.linux, ...change.linux },
  });
  return { id, bundle };
}

const run = (args: readonly string[], change?: Change): Promise<Outcome> =>
  runToEnd(native, bundleOf(args, change));
const sh = async (script: string, change?: Change): Promise<string> =>
  (await run(["sh", "-c", script], change)).output;

async function failure(args: readonly string[], change?: Change): Promise<RuntimeError> {
  const started = await run(args, change).catch((error: unknown) => error);
  if (started instanceof RuntimeError) return started;
  throw new Error(`it did not fail: ${JSON.stringify(started)}`);
}

describe.skipIf(!hasBusybox)("a container", () => {
  test("ends with its program's status, and leaves no descriptor and no mount behind", async () => {
    expect((await run(["sh", "-c", "exit 7"])).ending).toEqual({ exitCode: 7 });
    expect((await run(["false"])).ending).toEqual({ exitCode: 1 });
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(open.length + 2);
    expect(mountpoints().length).toBe(mounts);
  });

  test("has three descriptors and none of the host's", async () => {
    const listed = await sh("ls -l /proc/1/fd");
    expect(listed.match(/ -> /g)?.length).toBe(3);
    expect(listed.match(/pipe:/g)?.length).toBe(3);
  });

  test("blocks and ignores no signal", async () => {
    const { output } = await run(["cat", "/proc/self/status"]);
    expect(output).toMatch(/SigBlk:\t0{16}\nSigIgn:\t0{16}/);
  });

  test("has the capabilities and the filter that were asked for", async () => {
    const status = await sh("cat /proc/self/status");
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
    const status = await sh("id; umask; cat /proc/self/status; echo $HOME; echo again > /dev/stdout", {
      process: { user, capabilities, noNewPrivileges: true },
    });
    expect(status).toStartWith("uid=1000(user) gid=1001 groups=7,8");
    expect(status).toMatch(/\n0077\n/);
    expect(status).toMatch(/CapInh:\t0+2020\nCapPrm:\t0+20\nCapEff:\t0+20\nCapBnd:\t0+2020\nCapAmb:\t0+20\n/);
    expect(status).toMatch(/NoNewPrivs:\t1/);
    expect(status).toMatch(/Seccomp:\t2/);
    expect(status).toEndWith("/home/user\nagain\n");
  });

  test("is alone in its namespaces, which have their own names and interfaces", async () => {
    const seen = await sh("echo $$; uname -n; ip -o link; hostname other && hostname");
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
    const seen = await sh("readlink /proc/self/ns/net", { linux: { namespaces } });
    expect(seen.trim()).toBe(`net:[${inode("net")}]`);
  });

  test("has namespaces of cgroups and of time of its own where they are asked for", async () => {
    const namespaces = (["mount", "pid", "uts", "cgroup", "time"] as const).map((type) => ({ type }));
    const seen = await sh(
      "cat /proc/self/cgroup; readlink /proc/self/ns/time /proc/self/ns/cgroup; ls /sys/fs/cgroup/pids",
      { linux: { namespaces } },
    );
    expect(seen).toMatch(/:pids:\/\n/);
    expect(seen).not.toContain(`time:[${inode("time")}]`);
    expect(seen).not.toContain(`cgroup:[${inode("cgroup")}]`);
    expect(seen).toContain("pids.max");
  });

  test("in another's PID namespace sees that one's processes", async () => {
    const first = await start(["sleep", "60"]);
    try {
      const namespaces = [
        { type: "mount" as const },
        { type: "uts" as const },
        { type: "pid" as const, path: `/proc/${first.pid}/ns/pid` },
      ];
      expect(await sh("cat /proc/1/cmdline", { linux: { namespaces } })).toContain("sleep");
    } finally {
      await stop(first);
    }
  });

  test("with the host's PID namespace sees the host's processes", async () => {
    const namespaces = [{ type: "mount" as const }, { type: "uts" as const }];
    expect(await sh(`cat /proc/${process.pid}/comm`, { linux: { namespaces } })).toBe(
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
    const seen = await sh("ls -ln /dev /dev/net; cat /dev/null; head -c 4 /dev/zero | wc -c", {
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
    const seen = await sh(
      "echo 1 > /proc/sys/kernel/domainname; cat /proc/keys /proc/timer_list | wc -c; ls /proc/acpi /sys/firmware; touch /sys/x",
    );
    expect(seen).toMatch(/domainname: Read-only file system/);
    expect(seen).toMatch(/^0$/m);
    expect(seen).toMatch(/x: Read-only file system/);
  });

  test("has a read-only root where that is asked for, and can write to a tmpfs in it", async () => {
    const tmpfs = { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=1777"] };
    const seen = await sh("touch /x; touch /tmp/x && echo fine", { readonly: true, mounts: [tmpfs] });
    expect(seen).toMatch(/x: Read-only file system\nfine\n/);
  });

  test("sees its control groups read-only, and just its own", async () => {
    const seen = await sh(
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
    const seen = await sh("cat /proc/self/limits", { process: { rlimits } });
    expect(seen).toMatch(/Max open files +100 +200 /);
    expect(seen).toMatch(/Max core file size +0 +0 /);
  });

  test("has the sysctls of its namespaces set", async () => {
    const sysctl = { "net.ipv4.ip_unprivileged_port_start": "77", "kernel.msgmax": "4096" };
    const seen = await sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax", {
      linux: { sysctl },
    });
    expect(seen).toBe("77\n4096\n");
  });

  test("gets the out-of-memory score that was asked for", async () => {
    expect(await sh("cat /proc/self/oom_score_adj", { process: { oomScoreAdj: 123 } })).toBe("123\n");
  });

  test("is refused a call by its filter", async () => {
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" as const, errnoRet: 28 }];
    const seen = await sh("mkdir /tmp/x", {
      linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls } },
    });
    expect(seen).toMatch(/No space left on device/);
  });

  test("starts in its working directory, which is made where it is missing", async () => {
    expect(await sh("pwd", { process: { cwd: "/made/for/it" } })).toBe("/made/for/it\n");
  });

  test("leaves receipts of all its rows, the execve last", async () => {
    const steps: Step[] = [];
    await recording(
      "shim",
      (step) => steps.push(step),
      () => run(["true"]),
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

describe.skipIf(!hasBusybox)("a mount", () => {
  const bind = (destination: string, options: string[], source: string): Change => ({
    mounts: [{ destination, type: "bind", source, options }],
  });
  let source = "";
  beforeAll(() => {
    source = mkdtempSync(join(bundles.directory, "source-"));
    writeFileSync(join(source, "file"), "of the host\n");
  });

  test("shows a directory of the host", async () => {
    expect(
      await sh(
        "cat /data/deep/file; touch /data/deep/new && echo made",
        bind("/data/deep", ["rbind"], source),
      ),
    ).toBe("of the host\nmade\n");
    rmSync(join(source, "new"));
  });

  test("shows a file of the host", async () => {
    expect(await sh("cat /etc/of-host", bind("/etc/of-host", ["bind"], join(source, "file")))).toBe(
      "of the host\n",
    );
  });

  test("that is read-only cannot be written", async () => {
    expect(await sh("touch /data/x", bind("/data", ["rbind", "ro"], source))).toMatch(
      /Read-only file system/,
    );
  });

  test("whose target is a link in the image stays inside the root", async () => {
    symlinkSync("/../../../../tmp/fathom-escape", join(bundles.root, "link"));
    mkdirSync(join(bundles.root, "tmp/fathom-escape"));
    expect(await sh("cat /tmp/fathom-escape/file", bind("/link", ["bind"], source))).toBe("of the host\n");
    expect(existsSync("/tmp/fathom-escape")).toBe(false);
  });

  test("of procfs does not follow a link of the image", async () => {
    const other = mkdtempSync(join(bundles.directory, "root-"));
    mkdirSync(join(other, "elsewhere"));
    symlinkSync("elsewhere", join(other, "proc"));
    const config = dockerConfig(other, dockerProcess(["true"]));
    const id = newId();
    const bundle = bundles.write(id, { ...config, mounts: config.mounts.slice(0, 1) });
    expect(await runToEnd(native, { id, bundle }).catch((error: Error) => error.message)).toMatch(
      /open \/proc inside the root: ELOOP/,
    );
  });

  test("whose source is missing is refused by name", async () => {
    expect((await failure(["true"], bind("/data", ["bind"], "/no/such/place"))).message).toBe(
      "cannot mount /no/such/place at /data: no such file or directory",
    );
  });

  test("with slave propagation shows what the host mounts later", async () => {
    const inside = await sh("cat /proc/self/mountinfo", bind("/data", ["rbind", "rslave"], source));
    expect(inside).toContain(" /data ");
    expect(inside).not.toMatch(/ shared:\d+/);
  });
});

describe.skipIf(!hasBusybox)("a program that cannot be executed", () => {
  const file = (name: string, content: string | Uint8Array, mode = 0o755): string => {
    writeFileSync(join(bundles.root, name), content);
    chmodSync(join(bundles.root, name), mode);
    return `/${name}`;
  };
  const said = async (...args: string[]): Promise<[string, number]> => {
    const { message, exitCode } = await failure(args);
    return [message, exitCode];
  };

  test("because PATH has none of its name", async () => {
    expect(await said("nope")).toEqual(['exec: "nope": executable file not found in $PATH', 127]);
  });
  test("because there is none at its path", async () => {
    expect(await said("/no/such")).toEqual([
      'exec: "/no/such": stat /no/such: no such file or directory',
      127,
    ]);
  });
  test("because it is a directory", async () => {
    expect(await said("/etc")).toEqual(['exec: "/etc": is a directory', 126]);
  });
  test("because it may not be executed", async () => {
    expect(await said("/etc/passwd")).toEqual(['exec: "/etc/passwd": permission denied', 126]);
  });
  test("because its script's interpreter is missing", async () => {
    const script = file("script", "#!/opt/python -u\n");
    expect(await said(script)).toEqual([
      `exec ${script}: no such file or directory: it needs /opt/python, which is not in the image`,
      127,
    ]);
  });
  test("because its loader is missing", async () => {
    file("dynamic", readFileSync("/bin/ls"));
    const [message, exitCode] = await said("/dynamic");
    expect(message).toMatch(
      /^exec \/dynamic: no such file or directory: it needs \/lib\S*ld-linux\S+, which is not in the image$/,
    );
    expect(exitCode).toBe(127);
  });
  test("because it is for another processor", async () => {
    const elf = new Uint8Array(readFileSync("/bin/ls").subarray(0, 4096));
    elf[18] = process.arch === "arm64" ? 62 : 183;
    file("foreign", elf);
    expect((await said("/foreign"))[0]).toMatch(
      /^exec \/foreign: exec format error: it is a program for (arm64|x86_64), and this host is/,
    );
  });
  test("because it is no program at all", async () => {
    expect(await said(file("text", "hello\n"))).toEqual([
      "exec /text: exec format error: it is no program, and no script that begins with #!",
      126,
    ]);
  });
  test("leaves no process, cgroup or descriptor", async () => {
    const before = readdirSync("/proc/self/fd").length;
    await said("nope");
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    expect(existsSync(`/sys/fs/cgroup/pids/fathom-test-runtime/native-${process.pid}-${count - 1}`)).toBe(
      false,
    );
  });
});

describe.skipIf(!hasBusybox)("what a configuration cannot have is refused by name", () => {
  const said = async (change: Change): Promise<string> => (await failure(["true"], change)).message;
  test("a capability that does not exist", async () => {
    const capabilities = {
      bounding: ["CAP_FLY"],
      effective: [],
      permitted: [],
      inheritable: [],
      ambient: [],
    };
    expect(await said({ process: { capabilities } })).toBe('unknown capability "CAP_FLY"');
  });
  test("a sysctl of the whole host", async () => {
    expect(await said({ linux: { sysctl: { "vm.swappiness": "1" } } })).toMatch(
      /sysctl "vm.swappiness" cannot be set in a container/,
    );
  });
  test("a resource limit that does not exist", async () => {
    expect(await said({ process: { rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] } })).toMatch(
      /unknown resource limit RLIMIT_X/,
    );
  });
  test("a mount option that a file system does not know", async () => {
    const mount = { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["colour=red"] };
    expect(await said({ mounts: [mount] })).toBe("make tmpfs for /x: EINVAL");
  });
  test("a working directory by way of an open descriptor", async () => {
    expect(await said({ process: { cwd: "/proc/self/fd/7" } })).toMatch(/ENOENT|ELOOP/);
  });
  test("no mount namespace", async () => {
    expect(await said({ linux: { namespaces: [{ type: "pid" }] } })).toMatch(/needs a new mount namespace/);
  });
});

describe.skipIf(!hasBusybox)("a terminal", () => {
  test("is the container's own, of the size asked for, and its session's", async () => {
    const running = await start(
      ["sh", "-c", "tty; stty size; ls -l /dev/console; cat /proc/self/stat; read x; echo got $x"],
      { columns: 91, rows: 17 },
    );
    const terminal = running.terminal ?? -1;
    try {
      await writeAll(terminal, new TextEncoder().encode("hello\n"));
      const output = await textOf(terminal);
      expect(output).toMatch(/^(hello\r\n)?\/dev\/pts\/0\r\n/);
      expect(output).toContain("17 91\r\n");
      expect(output).toMatch(/crw--w---- .* 136, +0 .*\/dev\/console/);
      expect(output).toContain("got hello\r\n");
      const [, , , group, session, controlling] = /\(cat\) .*/.exec(output)?.[0].split(" ") ?? [];
      expect(session).toBe("1");
      expect(controlling).toBe("34816");
      expect(Number(group)).toBeGreaterThan(0);
    } finally {
      closeFd(terminal);
      await stop(running);
    }
  });
});

describe.skipIf(!hasBusybox)("an exec", () => {
  let running: Running;
  beforeAll(async () => {
    running = await start(["sleep", "600"]);
  });
  afterAll(() => stop(running));

  const exec = (args: readonly string[], more?: Partial<Process>): Promise<Outcome> =>
    capture((streams) => native.exec(running, dockerProcess(args, more), streams));

  test("is in all of the container's namespaces and groups", async () => {
    const script =
      "for n in mnt pid uts ipc net; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done; cat /proc/self/cgroup; ps";
    const { output, ending } = await exec(["sh", "-c", script]);
    const links = output.match(/^\w+:\[\d+\]$/gm) ?? [];
    expect(links.length).toBe(10);
    expect(new Set(links).size).toBe(5);
    expect(output).toMatch(/:memory:\/fathom-test-runtime\/native-/);
    expect(output).toMatch(/1 root +sleep 600/);
    expect(ending).toEqual({ exitCode: 0 });
  });

  test("has its own user, directory, filter and three descriptors", async () => {
    const script = "id; pwd; ls -l /proc/$$/fd; cat /proc/self/status; echo $HOME";
    const { output } = await exec(["sh", "-c", script], {
      user: { uid: 1000, gid: 1000 },
      cwd: "/tmp",
      noNewPrivileges: true,
    });
    expect(output).toStartWith("uid=1000(user) gid=1000\n/tmp\n");
    expect(output.match(/ -> /g)?.length).toBe(3);
    expect(output).toMatch(/CapEff:\t0{16}\nCapBnd:\t00000000a80425fb/);
    expect(output).toMatch(/NoNewPrivs:\t1\nSeccomp:\t2/);
    expect(output).toEndWith("/home/user\n");
  });

  test("that cannot be executed says why, and the container goes on", async () => {
    const error = await exec(["nope"]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'exec: "nope": executable file not found in $PATH',
      exitCode: 127,
    });
    expect((await exec(["true"])).ending).toEqual({ exitCode: 0 });
  });

  test("with a terminal has one in the container's devpts", async () => {
    const started = await native.exec(running, dockerProcess(["sh", "-c", "tty; stty size"]), {
      terminal: { columns: 50, rows: 10 },
    });
    const terminal = started.terminal ?? -1;
    expect(await textOf(terminal)).toBe("/dev/pts/0\r\n10 50\r\n");
    closeFd(terminal);
    await exited(started.pidfd);
    expect(reap(started.pid)).toEqual({ exitCode: 0 });
    closeFd(started.pidfd);
  });

  test("is not dumpable before it is the program, and steps are reported as its own", async () => {
    const steps: Step[] = [];
    await recording(
      "shim",
      (step) => steps.push(step),
      () => exec(["true"]),
    );
    const own = steps.filter(({ by }) => by === "exec");
    const first = own.findIndex(({ call }) => call === "prctl");
    expect(own[first]?.args[0]).toBe("PR_SET_DUMPABLE");
    expect(
      own
        .slice(0, first)
        .every(({ call }) => ["clone3", "close_range", "rt_sigaction", "rt_sigprocmask"].includes(call)),
    ).toBe(true);
  });
});

/** Starts a container that goes on, with /dev/null for its streams or a terminal. */
async function start(
  args: readonly string[],
  terminal?: { columns: number; rows: number },
): Promise<Running> {
  const nowhere = check(sys("openat", AT.FDCWD, "/dev/null", O.RDWR | O.CLOEXEC), "open /dev/null");
  const streams = { stdin: nowhere, stdout: nowhere, stderr: nowhere };
  try {
    return await native.run(bundleOf(args), terminal === undefined ? streams : { terminal });
  } finally {
    closeFd(nowhere);
  }
}

async function stop(running: Running): Promise<void> {
  sendSignal(running.pidfd, 9);
  await exited(running.pidfd);
  reap(running.pid);
  closeFd(running.pidfd);
  await native.remove(running);
}

/** The number of this process's namespace. */
function inode(name: string): string {
  return /\[(\d+)\]/.exec(readlinkSync(`/proc/self/ns/${name}`))?.[1] ?? "";
}

import { describe, expect, test } from "bun:test";
import { type Call, describe as show } from "../../kernel/mod.ts";
import type { Capabilities, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { dockerConfig, dockerProcess } from "../_test_bundle.ts";
import { containerProgram, newNamespaces, type ProgramContext, sharesMemory } from "./mod.ts";

const config = dockerConfig("/bundle/rootfs", dockerProcess(["true"]));
const ALL = (1n << 41n) - 1n;
const context: ProgramContext = {
  root: "/bundle/rootfs",
  streams: { descriptors: [10, 11, 12], owned: [] },
  procs: [20, 21],
  joined: new Map(),
  kinds: new Map([
    ["/src/file", "file"],
    ["/src/dir", "directory"],
    ["/proc/acpi", "directory"],
    ["/proc/keys", "file"],
    ["/proc/kcore", "absent"],
  ]),
  cgroupDirectories: ["/sys/fs/cgroup/cpu,cpuacct/c"],
  home: "/root",
  host: {
    arch: "x86_64",
    cgroups: {
      version: 1,
      hybrid: false,
      hierarchies: [{ controllers: ["cpu", "cpuacct"], root: "/sys/fs/cgroup/cpu,cpuacct" }],
    },
    lastCapability: 40,
    capabilities: ALL,
    hardLimits: new Map([["RLIMIT_NOFILE", 1000n]]),
    oomScoreAdj: 0,
  },
};

type Change = Partial<Omit<RuntimeConfig, "linux" | "process">> & {
  linux?: Partial<RuntimeConfig["linux"]>;
  process?: Partial<RuntimeConfig["process"]>;
};

function program(change: Change = {}, more: Partial<ProgramContext> = {}): Call[] {
  const whole = {
    ...config,
    ...change,
    linux: { ...config.linux, ...change.linux },
    process: { ...config.process, ...change.process },
  };
  return containerProgram(whole, { ...context, ...more });
}

/** Rows for a purpose, as strace would write them. */
const rowsFor = (rows: readonly Call[], what: RegExp): string[] =>
  rows.filter((row) => what.test(row.what ?? "")).map(show);
const mount = (
  destination: string,
  options: string[],
  more: object = {},
): RuntimeConfig["mounts"][number] => ({
  destination,
  options,
  ...more,
});

describe("the order of the rows", () => {
  const purposes = program({ root: { path: "/bundle/rootfs", readonly: true } }).map(
    ({ what }) => what ?? "",
  );
  const at = (what: string): number => {
    const exact = purposes.indexOf(what);
    const index = exact >= 0 ? exact : purposes.findIndex((purpose) => purpose.startsWith(what));
    if (index < 0) throw new Error(`no row is for: ${what}`);
    return index;
  };
  const order: [string, string][] = [
    ["enter the control group", "set the file mode mask"],
    ["keep mounts of the container from the host", "mount the root"],
    ["mount /dev", "make the device /dev/null"],
    ["mount /proc", "cover /proc/sys with"],
    ["cover /proc/sys with", "mask /proc/acpi"],
    ["mask /proc/keys", "change the root"],
    ["make the root read-only", "change the root"],
    ["make the directory /sys", "make the root read-only"],
    ["change the root", "let go of the host's file systems"],
    ["let go of the host's file systems", "begin a session"],
    ["forbid CAP_SYS_ADMIN for good", "become user 0"],
    ["become group 0", "become user 0"],
    ["become user 0", "set the capabilities, and CAP_SYS_ADMIN"],
    ["set the capabilities, and CAP_SYS_ADMIN", "change to the working directory"],
    ["change to the working directory", "let no other descriptor into the program"],
    ["let no other descriptor into the program", "put the seccomp filter in force"],
    ["put the seccomp filter in force", "execute "],
  ];
  test.each(order)("%s comes before: %s", (first, then) => expect(at(first)).toBeLessThan(at(then)));

  test("keeps CAP_SYS_ADMIN until the filter is in force, where the program could gain privileges", () => {
    const rows = program();
    const filter = rows.findIndex(({ call }) => call === "seccomp");
    expect(show(rows[filter + 1] as Call)).toMatch(/^capset\(.*effective=00000000a80425fb/);
    const before = rows.filter(({ call }) => call === "capset").map(show)[0];
    expect(before).toContain("effective=00000000a82425fb");
  });
  test("needs no such thing with noNewPrivileges, which comes before the filter", () => {
    const rows = program({ process: { noNewPrivileges: true } });
    expect(rows.filter(({ call }) => call === "capset").length).toBe(1);
    const calls = rows.map(show);
    expect(calls.findIndex((row) => row.startsWith("prctl(PR_SET_NO_NEW_PRIVS, 1"))).toBe(
      calls.findIndex((row) => row.startsWith("seccomp(")) - 1,
    );
  });
  test("is the same each time", () => expect(program().map(show)).toEqual(program().map(show)));
});

describe("a bind mount", () => {
  const bind = (source: string, options: string[]): string[] =>
    rowsFor(program({ mounts: [mount("/to/it", options, { source })] }), /\/src|\/to/);

  test("is cloned, given its options and put on a target that is made inside the root", () => {
    expect(bind("/src/dir", ["bind", "ro", "nosuid", "private"])).toEqual([
      'open_tree(AT_FDCWD, "/src/dir", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)',
      'mount_setattr(clone of /src/dir, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation=MS_SLAVE}, 32)',
      'mount_setattr(clone of /src/dir, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID}, 32)',
      'mount_setattr(clone of /src/dir, "", AT_EMPTY_PATH, {propagation=MS_PRIVATE}, 32)',
      'mkdirat(the root, "to", 0755)',
      'openat2(the root, "to", {flags=O_DIRECTORY|O_CLOEXEC|O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)',
      'mkdirat(fd of /to, "it", 0755)',
      'openat2(the root, "to/it", {flags=O_DIRECTORY|O_CLOEXEC|O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)',
      'move_mount(clone of /src/dir, "", fd of /to/it, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)',
    ]);
  });
  test("of a file is put on a file", () => {
    expect(bind("/src/file", ["bind"])).toContain('mknodat(fd of /to, "it", S_IFREG|0755, 0)');
  });
  test("of a tree that is read-only is so all the way down", () => {
    expect(bind("/src/dir", ["rbind", "ro"])).toContain(
      'mount_setattr(clone of /src/dir, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY}, 32)',
    );
  });
  test("stays a peer of the host's mount where the root's propagation is shared", () => {
    const rows = program({
      mounts: [mount("/to", ["rbind", "rshared"], { source: "/src/dir" })],
      linux: { rootfsPropagation: "rshared" },
    });
    const printed = rowsFor(rows, /\/src|\/to|propagation|keep mounts/);
    expect(printed[0]).toStartWith("open_tree(AT_FDCWD");
    expect(printed[1]).toContain("{propagation=MS_SHARED}");
    expect(printed.findIndex((row) => row.includes("MS_SLAVE"))).toBeGreaterThan(1);
    expect(printed.at(-1)).toContain("AT_RECURSIVE, {propagation=MS_SHARED}");
  });
  test("without an absolute source is refused", () => {
    expect(() => bind("dir", ["bind"])).toThrow(/no absolute source: dir/);
  });
  test("over the whole root is refused", () => {
    expect(() => program({ mounts: [mount("/x/..", ["bind"], { source: "/src/dir" })] })).toThrow(
      /may not cover the container's root/,
    );
  });
});

describe("a file system", () => {
  const made = (type: string, options: string[], destination = "/to"): string[] =>
    rowsFor(program({ mounts: [mount(destination, options, { type, source: type })] }), /\/to/);

  test("is made with its options and attributes", () => {
    expect(made("tmpfs", ["nosuid", "size=1m", "noswap"]).slice(0, 6)).toEqual([
      'fsopen("tmpfs", FSOPEN_CLOEXEC)',
      'fsconfig(fd of tmpfs, FSCONFIG_SET_STRING, "source", "tmpfs")',
      'fsconfig(fd of tmpfs, FSCONFIG_SET_STRING, "size", "1m")',
      'fsconfig(fd of tmpfs, FSCONFIG_SET_FLAG, "noswap", 0)',
      "fsconfig(fd of tmpfs, FSCONFIG_CMD_CREATE, 0, 0)",
      "fsmount(fd of tmpfs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID)",
    ]);
  });
  test("in memory becomes read-only only when all targets in it are made", () => {
    const rows = made("tmpfs", ["ro"]);
    expect(rows.find((row) => row.startsWith("fsmount"))).toContain("0)");
    expect(rows.at(-1)).toContain("attr_set=MOUNT_ATTR_RDONLY");
  });
  test("on a device is read-only itself, lest a journal be replayed", () => {
    expect(made("ext4", ["ro"])).toContain('fsconfig(fd of ext4, FSCONFIG_SET_FLAG, "ro", 0)');
  });
  test("of processes is not put where a link leads", () => {
    expect(made("proc", []).some((row) => row.includes("RESOLVE_NO_SYMLINKS"))).toBe(true);
    expect(made("tmpfs", []).some((row) => row.includes("RESOLVE_NO_SYMLINKS"))).toBe(false);
  });
  test("without a type is refused", () => {
    expect(() => program({ mounts: [mount("/to", [])] })).toThrow(
      "the mount at /to has no type and is no bind mount",
    );
  });
});

describe("control groups", () => {
  const cgroup = mount("/sys/fs/cgroup", ["ro", "nosuid"], { type: "cgroup", source: "cgroup" });
  const rowsOf = (change: Change, more: Partial<ProgramContext> = {}): string[] =>
    rowsFor(program({ mounts: [cgroup], ...change }, more), /cgroup|link cpu/);

  test("of version 1 are the container's own directories, and a link for each controller that shares one", () => {
    const rows = rowsOf({});
    expect(rows).toContain(
      'open_tree(AT_FDCWD, "/sys/fs/cgroup/cpu,cpuacct/c", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)',
    );
    expect(rows).toContain('symlinkat("cpu,cpuacct", mount of tmpfs, "cpu")');
    expect(rows).toContain('symlinkat("cpu,cpuacct", mount of tmpfs, "cpuacct")');
  });
  test("of version 1 in a cgroup namespace are file systems of their own, and the namespace comes after the group", () => {
    const namespaces = [...config.linux.namespaces, { type: "cgroup" as const }];
    const rows = rowsOf({ linux: { namespaces } });
    expect(rows).toContain('fsconfig(fd of cgroup, FSCONFIG_SET_FLAG, "cpuacct", 0)');
    const all = program({ mounts: [cgroup], linux: { namespaces } }).map(show);
    expect(all.findIndex((row) => row.startsWith("unshare(CLONE_NEWCGROUP"))).toBeGreaterThan(
      all.findLastIndex((row) => row.startsWith("write(fd 21")),
    );
  });
  test("of version 2 are one file system", () => {
    const rows = rowsOf(
      {},
      { procs: [], host: { ...context.host, cgroups: { version: 2, root: "/sys/fs/cgroup" } } },
    );
    expect(rows).toContain('fsopen("cgroup2", FSOPEN_CLOEXEC)');
    expect(rows).toContain("fsmount(fd of cgroup2, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID)");
  });
});

describe("paths to protect", () => {
  const rows = program();
  test("a masked file is covered with the host's /dev/null, while that is still in sight", () => {
    expect(rowsFor(rows, /mask \/proc\/keys/)).toHaveLength(1);
    const clone = rows.findIndex((row) => show(row).startsWith('open_tree(AT_FDCWD, "/dev/null"'));
    expect(clone).toBeLessThan(rows.findIndex(({ call }) => call === "pivot_root"));
  });
  test("a masked directory is covered with an empty one that cannot be written", () => {
    expect(rowsFor(rows, /empty directory for \/proc\/acpi/).at(-1)).toContain(
      "MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_NOEXEC",
    );
  });
  test("a path that the host lacks is left out, and one of unknown kind is tried as both", () => {
    expect(rowsFor(rows, /\/proc\/kcore$/).filter((row) => row.startsWith("move_mount"))).toEqual([]);
    expect(rowsFor(rows, /^mask \/sys\/firmware/)).toHaveLength(2);
  });
  test("a read-only path is covered with a copy of itself", () => {
    expect(rowsFor(rows, /\/proc\/bus/).map((row) => row.split("(")[0])).toEqual([
      "openat2",
      "open_tree",
      "mount_setattr",
      "move_mount",
    ]);
  });
});

describe("identity", () => {
  const sets = (names: string[]): Capabilities => ({
    bounding: names,
    effective: names,
    permitted: names,
    inheritable: names,
    ambient: names,
  });

  test("gives what was asked for and the host has", () => {
    const host = { ...context.host, capabilities: ALL & ~(1n << 24n) };
    const rows = program(
      { process: { capabilities: sets(["CAP_KILL", "CAP_SYS_RESOURCE"]), noNewPrivileges: true } },
      { host },
    );
    expect(rowsFor(rows, /set the capabilities/)[0]).toContain(
      "{effective=0000000000000020, permitted=0000000000000020, inheritable=0000000000000020}",
    );
    expect(rowsFor(rows, /through execve/)).toEqual([
      "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0)",
    ]);
    expect(rowsFor(rows, /for good/)).toHaveLength(40);
  });
  test("keeps capabilities over the change of user only where there is one", () => {
    expect(rowsFor(program(), /keep capabilities/)).toEqual([]);
    expect(
      rowsFor(
        program({ process: { user: { uid: 5, gid: 6, additionalGids: [7] } } }),
        /keep cap|become|groups/,
      ),
    ).toEqual(["prctl(PR_SET_KEEPCAPS, 1)", "setgroups(1, [7])", "setresgid(6, 6, 6)", "setresuid(5, 5, 5)"]);
  });
  test("knows the newest capability", () => {
    expect(() => program({ process: { capabilities: sets(["CAP_CHECKPOINT_RESTORE"]) } })).not.toThrow();
    expect(() => program({ process: { capabilities: sets(["CAP_NONSENSE"]) } })).toThrow(
      'unknown capability "CAP_NONSENSE"',
    );
  });
});

describe("limits", () => {
  const limit = (hard: number, capabilities: bigint): string[] =>
    rowsFor(
      program(
        { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: hard, hard }] } },
        { host: { ...context.host, capabilities } },
      ),
      /RLIMIT/,
    );
  test("are set as they were asked for where the host's root may", () => {
    expect(limit(5000, ALL)).toEqual(["prlimit64(0, RLIMIT_NOFILE, {rlim_cur=5000, rlim_max=5000}, 0)"]);
    expect(limit(-1, ALL)).toEqual([
      "prlimit64(0, RLIMIT_NOFILE, {rlim_cur=unlimited, rlim_max=unlimited}, 0)",
    ]);
    expect(limit(2 ** 64, ALL)).toEqual([
      "prlimit64(0, RLIMIT_NOFILE, {rlim_cur=unlimited, rlim_max=unlimited}, 0)",
    ]);
  });
  test("are the highest possible where it may not raise them, and the row says so", () => {
    const host = { ...context.host, capabilities: 0n };
    const [row] = program(
      { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 9, hard: 5000 }] } },
      { host },
    ).filter(({ call }) => call === "prlimit64");
    expect(row?.what).toBe(
      "limit RLIMIT_NOFILE to 1000 (5000 was asked for; this host's root may not raise it)",
    );
    expect(show(row as Call)).toContain("{rlim_cur=9, rlim_max=1000}");
  });
  test("with a soft limit above the hard one are refused", () => {
    expect(() => program({ process: { rlimits: [{ type: "RLIMIT_CPU", soft: 2, hard: 1 }] } })).toThrow(
      /soft limit of RLIMIT_CPU/,
    );
  });
});

describe("settings", () => {
  const sysctl =
    (name: string, linux: Change["linux"] = {}): (() => string[]) =>
    () =>
      rowsFor(program({ linux: { ...linux, sysctl: { [name]: "1" } } }), /sysctl/);
  test("are written in a procfs that is mounted nowhere", () => {
    expect(sysctl("net.ipv4.ip_forward")()[0]).toMatch(
      /^openat2\(mount of proc, "sys\/net\/ipv4\/ip_forward", .*RESOLVE_NO_XDEV/,
    );
  });
  test("take names with slashes, whose dots are their own", () => {
    expect(sysctl("net/ipv4/conf/eth0.5/forwarding")()[0]).toContain('"sys/net/ipv4/conf/eth0.5/forwarding"');
  });
  test("of the whole host are refused, and those of a namespace that is the host's", () => {
    expect(sysctl("vm.overcommit_memory")).toThrow(/it belongs to the whole host/);
    expect(sysctl("kernel.shmmax", { namespaces: [{ type: "mount" }, { type: "uts" }] })).toThrow(
      /no ipc namespace of its own/,
    );
    expect(sysctl("net..x")).toThrow(/not the name of a sysctl/);
  });
  test("cannot lower the out-of-memory score where the host's root may not, and the row says so", () => {
    const host = { ...context.host, capabilities: 0n, oomScoreAdj: 10 };
    const rows = program({ process: { oomScoreAdj: -500 } }, { host });
    expect(rows.find(({ what }) => what?.startsWith("set oom_score_adj"))?.what).toMatch(
      /^set oom_score_adj to 10 \(-500 was asked for/,
    );
  });
});

describe("streams", () => {
  test("become the program's first three descriptors, those in each other's way stepping aside", () => {
    const rows = rowsFor(program({}, { streams: { descriptors: [10, 0, 2], owned: [1] } }), /standard|aside/);
    expect(rows).toEqual([
      "fcntl(0, F_DUPFD_CLOEXEC, 3)",
      "dup3(10, 0, 0)",
      "dup3(copy of 0, 1, 0)",
      "fcntl(2, F_SETFD, 0)",
      "fchown(1, 0, -1)",
    ]);
  });
  test("of a terminal come from its own devpts, and its master goes out as descriptor 0", () => {
    const rows = rowsFor(
      program({}, { streams: { socket: 30, columns: 80, rows: 24 } }),
      /terminal|console|standard|session$/,
    );
    expect(rows.map((row) => row.replace(/, \{flags=.*/, ""))).toEqual([
      'openat2(mount of devpts, "ptmx"',
      "ioctl(master, TIOCSPTLCK, [0])",
      "ioctl(master, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)",
      "ioctl(terminal, TIOCSWINSZ, {ws_row=24, ws_col=80})",
      "dup3(master, 0, O_CLOEXEC)",
      "sendmsg(30, {SCM_RIGHTS [0]}, MSG_NOSIGNAL)",
      'mknodat(fd of /dev, "console", S_IFREG|0755, 0)',
      'openat2(the root, "dev/console"',
      'open_tree(terminal, "", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH)',
      'move_mount(the clone, "", fd of /dev/console, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)',
      "setsid()",
      "ioctl(terminal, TIOCSCTTY, 0)",
      "dup3(terminal, 0, 0)",
      "dup3(terminal, 1, 0)",
      "dup3(terminal, 2, 0)",
      "fchown(0, 0, -1)",
    ]);
  });
});

describe("the program", () => {
  const executed = (change: Change["process"]): string[] =>
    rowsFor(program({ process: change ?? {} }), /^execute/);
  test("is looked for in each directory of PATH, and only the last may not be missing", () => {
    const rows = program({ process: { args: ["x", "y"], env: ["PATH=/a/:relative::/b", "HOME=/h"] } }).filter(
      ({ call }) => call === "execve",
    );
    expect(rows.map(show)).toEqual([
      'execve("/a/x", ["x","y"], ["PATH=/a/:relative::/b","HOME=/h"])',
      'execve("/b/x", ["x","y"], ["PATH=/a/:relative::/b","HOME=/h"])',
    ]);
    expect(rows.map(({ may }) => may)).toEqual([["ENOENT", "ENOTDIR", "EACCES"], undefined]);
  });
  test("with a slash in its name is not looked for, and gets a HOME where it has none", () => {
    expect(executed({ args: ["./x"], env: [] })).toEqual(['execve("./x", ["./x"], ["HOME=/root"])']);
  });
  test("that has no name is refused", () => {
    expect(() => executed({ args: [] })).toThrow("no command specified");
  });
});

describe("namespaces", () => {
  test("that are new are made with the process, but for the cgroup namespace", () => {
    const namespaces = (["mount", "pid", "network", "ipc", "uts", "cgroup"] as const).map((type) => ({
      type,
    }));
    expect(newNamespaces({ ...config, linux: { namespaces } })).toBe(
      0x20000 + 0x20000000 + 0x40000000 + 0x8000000 + 0x4000000,
    );
  });
  test("that exist are joined by their descriptors", () => {
    const namespaces = [
      { type: "mount" as const },
      { type: "pid" as const },
      { type: "network" as const, path: "/run/ns" },
    ];
    const rows = program({ hostname: "", linux: { namespaces } }, { joined: new Map([["network", 33]]) });
    expect(rowsFor(rows, /^join/)).toEqual(["setns(/run/ns, CLONE_NEWNET)"]);
    expect(rowsFor(rows, /loopback/)).toEqual([]);
  });
  test("in which others live, or that count at birth, forbid borrowing the shim's memory", () => {
    const shares = (namespaces: RuntimeConfig["linux"]["namespaces"]): boolean =>
      sharesMemory({ ...config, linux: { namespaces } });
    expect(shares([{ type: "pid" }])).toBe(true);
    expect(shares([{ type: "pid", path: "/proc/5/ns/pid" }])).toBe(false);
    expect(shares([{ type: "mount" }])).toBe(false);
    expect(shares([{ type: "pid" }, { type: "time" }])).toBe(false);
  });
  test("without one for names a hostname is refused", () => {
    expect(() => program({ linux: { namespaces: [{ type: "mount" }] } })).toThrow(/needs a uts namespace/);
  });
});

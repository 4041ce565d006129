import { describe, expect, test } from "bun:test";
import { type Call, describe as show } from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { type Change, config, program, rowsFor } from "./_test_program.ts";
import { newNamespaces, sharesMemory } from "./mod.ts";

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

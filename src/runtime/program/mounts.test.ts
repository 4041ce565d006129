import { describe, expect, test } from "bun:test";
import { describe as show } from "../../kernel/mod.ts";
import { type Change, config, context, mount, program, rowsFor } from "./_test_program.ts";
import type { ProgramContext } from "./mod.ts";

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
    expect(bind("/src/dir", ["rbind", "rro"])).toContain(
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

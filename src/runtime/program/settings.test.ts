import { describe, expect, test } from "bun:test";
import { type Call, describe as show } from "../../kernel/mod.ts";
import type { Capabilities } from "../../spec/oci_runtime.ts";
import { ALL, type Change, context, program, rowsFor } from "./_test_program.ts";

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
  test("of open files take effect once all is open, and only raising them comes before that", () => {
    const around = (soft: number, hard: number) =>
      program(
        { process: { rlimits: [{ type: "RLIMIT_NOFILE", soft, hard }] } },
        { host: { ...context.host, capabilities: ALL } },
      )
        .filter(({ call }) => call === "prlimit64" || call === "fchdir")
        .map((row) => /rlim_cur=\w+, rlim_max=\w+/.exec(show(row))?.[0] ?? row.call)
        .slice(-3);
    expect(around(5, 10)).toEqual(["fchdir", "fchdir", "rlim_cur=5, rlim_max=10"]);
    expect(around(5, 5000)).toEqual(["rlim_cur=5000, rlim_max=5000", "fchdir", "rlim_cur=5, rlim_max=5000"]);
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

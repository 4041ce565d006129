import { describe, expect, test } from "bun:test";
import type { Step } from "../spec/receipt.ts";
import { linesOf } from "./line.ts";
import { storyOf } from "./story.ts";

const START = 1_700_000_000_000_000_000n;
const web = { id: "c0ffee".padEnd(64, "0"), name: "web", pid: 4711, ended: false };

function step(ms: number, by: Step["by"], call: string, more: Partial<Step> = {}): Step {
  return { at: String(START + BigInt(ms) * 1_000_000n), by, call, args: [], result: 0, ...more };
}

const row = (call: string, args: string[] = [], more: Partial<Step> = {}) =>
  step(3, "container", call, { args, ...more });

/** What an ordinary start leaves. */
const ordinary: Step[] = [
  step(0, "daemon", "fsopen", { args: ['"overlay"'], ns: 10_000 }),
  step(0, "daemon", "fsconfig", {
    args: ["overlay", "FSCONFIG_SET_STRING", '"lowerdir"', '"/l/a:/l/b"'],
    ns: 10_000,
  }),
  step(1, "daemon", "move_mount", {
    args: ["overlay", '"/var/lib/fathom/containers/c0/rootfs"'],
    ns: 80_000,
  }),
  step(2, "shim", "mkdirat", {
    args: ['"/sys/fs/cgroup/memory/fathom/c0"'],
    ns: 5_000,
    what: "make a control group",
  }),
  step(2, "shim", "write", {
    args: ['"/sys/fs/cgroup/memory/fathom/c0/memory.limit_in_bytes"', '"64M"'],
    ns: 5_000,
  }),
  step(3, "shim", "clone3", {
    args: ["{flags=CLONE_NEWNS|CLONE_NEWPID|CLONE_NEWUTS}"],
    result: 4711,
    ns: 2_000_000,
  }),
  row("sethostname", ['"c0ffee"']),
  row("mount", ['"proc"', '"/proc"', '"proc"'], { what: "mount /proc" }),
  row("mount", ['"sysfs"', '"/sys"', '"sysfs"'], { what: "mount /sys" }),
  row("mknodat", ['"/dev/null"']),
  row("pivot_root", ['"."', '"."']),
  row("mount", ['"/dev/null"', '"/proc/kcore"'], { what: "hide /proc/kcore" }),
  row("prctl", ["PR_CAPBSET_DROP", "CAP_SYS_ADMIN"]),
  row("seccomp", ["SECCOMP_SET_MODE_FILTER"]),
  row("execve", ['"/usr/bin/sh"', '["sh","-c","true"]'], { result: -2, error: "ENOENT", allowed: true }),
  row("execve", ['"/bin/sh"', '["sh","-c","true"]']),
];

describe("a story", () => {
  const text = storyOf(web, { steps: ordinary, omitted: 0 });
  const lines = text.trimEnd().split("\n");

  test("of an ordinary start fits in 25 lines of 100 columns", () => {
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("accounts for every step exactly once", () => {
    const counts = [...text.matchAll(/\[(\d+) steps?/g)].map((match) => Number(match[1]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ordinary.length);
  });

  test("says in plain words what was made", () => {
    const told = text.replaceAll(/\n {4}(?=\w)/g, " ");
    expect(told).toContain("web (c0ffee000000): 16 steps on the kernel, which took 2.11 ms.");
    expect(told).toContain("one file system (2 to read, 1 to write)");
    expect(told).toContain("New namespaces gave a new process its own mounts, hostname and processes");
    expect(told).toContain("with its own /proc and /sys");
    expect(told).toContain("1 device node");
    expect(told).toContain("memory.limit_in_bytes");
    expect(told).toContain("1 capability dropped and system calls filtered (seccomp)");
    expect(told).toContain('"/bin/sh" with "-c", "true" (1 place tried before)');
  });

  test("tells of volumes, where some had to be mounted", () => {
    const volumes = [
      step(1, "daemon", "mount", { what: "mount tmpfs:/var/lib/fathom/volumes/ram/_data" }),
      step(1, "daemon", "open_tree", {
        what: "clone the mount for /var/lib/fathom/containers/c0/mounts/3-1",
      }),
      step(1, "daemon", "move_mount", { what: "mount /var/lib/fathom/containers/c0/mounts/3-1" }),
    ];
    const told = storyOf(web, {
      steps: [...ordinary.slice(0, 3), ...volumes, ...ordinary.slice(3)],
      omitted: 0,
    });
    expect(told.replaceAll(/\n {4}(?=\w)/g, " ")).toContain(
      "For its volumes, 1 file system and 1 part of what holds more were mounted on the host. [3 steps",
    );
    expect(text).not.toContain("volumes");
  });

  test("names commands with the container's process filled in", () => {
    for (const command of ["ls -l /proc/4711/ns", "findmnt -N 4711", "/proc/4711/status"]) {
      expect(text).toContain(command);
    }
  });

  test("an allowed failure does not stand out, another does and names its row", () => {
    expect(text).not.toContain("FAILED");
    const failed = [
      ...ordinary.slice(0, 7),
      row("mount", ['"proc"', '"/proc"'], { what: "mount /proc", result: -1, error: "EPERM" }),
    ];
    expect(storyOf(web, { steps: failed, omitted: 0 }).split("\n")[1]).toBe(
      'FAILED at step 8, container: mount /proc: EPERM by mount("proc", "/proc")',
    );
  });

  test("of a container that has ended takes its process from the receipt and says so", () => {
    const ended = storyOf({ ...web, pid: 0, ended: true }, { steps: ordinary, omitted: 0 });
    expect(ended).toContain("ls -l /proc/4711/ns");
    expect(ended).toContain("It has ended");
  });

  test("of nothing says that nothing was done", () => {
    expect(storyOf(web, { steps: [], omitted: 0 })).toBe(
      "web has not been started: nothing was done on the kernel yet.\n",
    );
  });

  test("stays on one screen whatever the container does", () => {
    const failures = Array.from({ length: 50 }, () =>
      row("mount", ["x".repeat(500)], { result: -1, error: "EPERM" }),
    );
    const mounts = Array.from({ length: 500 }, (_, index) =>
      row("mount", [`"/${"deep/".repeat(30)}${index}"`]),
    );
    const execs = Array.from({ length: 99 }, (_, index) =>
      step(9, "exec", "execve", { args: [`"/bin/${index}"`] }),
    );
    const huge = storyOf(web, { steps: [...ordinary, ...failures, ...mounts, ...execs], omitted: 5 });
    expect(huge.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
    expect(Math.max(...huge.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("shows a control character instead of passing it on to the terminal", () => {
    const evil = storyOf(
      { ...web, name: "a\x1b[2J" },
      { steps: [row("execve", ['"/\x9b\u202eevil"'])], omitted: 0 },
    );
    expect(evil).toMatch(/a\\x1b\[2J/);
    for (const character of ["\x1b", "\x9b", "\u202e"]) expect(evil).not.toContain(character);
  });
});

describe("a line", () => {
  const first = step(0, "daemon", "fsopen");
  const lineOf = (one: Step) => linesOf([one], first)[0] ?? "";

  test("has time since the first step, actor, call with arguments, result and purpose", () => {
    expect(lineOf(row("mount", ['"proc"', '"/proc"'], { what: "mount /proc" }))).toBe(
      '+   3.00 ms  container  mount /proc: mount("proc", "/proc") = 0',
    );
  });

  test("stands for all steps of one purpose, unless one failed", () => {
    const make = (call: string, more: Partial<Step> = {}) =>
      row(call, [], { what: "make tmpfs for /dev", ...more });
    expect(linesOf([make("fsopen"), make("fsconfig"), make("fsconfig"), make("fsmount")], first)).toEqual([
      "+   3.00 ms  container  make tmpfs for /dev: fsopen, 2 fsconfig, fsmount",
    ]);
    expect(linesOf([make("fsopen"), make("fsmount", { result: -1, error: "EPERM" })], first)).toEqual([
      "+   3.00 ms  container  make tmpfs for /dev: fsopen() = 0",
      "+   3.00 ms  container  make tmpfs for /dev: fsmount() = -1 EPERM",
    ]);
  });

  test("is not spent on what was allowed to fail", () => {
    const exists = row("mkdirat", [], { result: -17, error: "EEXIST", allowed: true });
    expect(linesOf([exists], first)).toEqual([]);
  });

  test("shows a failure by its errno", () => {
    expect(lineOf(row("mount", [], { result: -1, error: "EPERM" }))).toContain("mount() = -1 EPERM");
  });

  test("is never longer than 100 columns", () => {
    expect(lineOf(row("write", ["x".repeat(400), "y".repeat(400), "z".repeat(400)])).length).toBe(100);
  });
});

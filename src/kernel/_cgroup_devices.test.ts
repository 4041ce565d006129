import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import type { DeviceRule } from "../spec/oci_runtime.ts";
import { limitDevices } from "./_cgroup_devices.ts";
import { shell, stepsOf } from "./_test_support.ts";
import { closeFd, owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { mountpoints } from "./mount.ts";
import { exited, reap } from "./process.ts";
import { spawn } from "./spawn.ts";
import { check, sys } from "./syscall.ts";

const root = mountpoints().find(({ type }) => type === "cgroup2")?.mountPoint;
const directory = `${root}/fathom-test-devices-${process.pid}`;
if (root === undefined) console.log("skipped: no cgroup2 is mounted");

afterEach(() => {
  if (existsSync(directory)) rmdirSync(directory);
});

/** Which of some uses of devices succeed in a group with these rules, by their shell commands. */
async function allowed(rules: readonly DeviceRule[], uses: readonly string[]): Promise<string[]> {
  mkdirSync(directory, { recursive: true });
  limitDevices(directory, rules);
  using group = owned(check(sys("openat", AT.FDCWD, directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC), "open"));
  const succeeded: string[] = [];
  for (const use of uses) {
    const options = { namespaces: 0, memory: "shared", by: "container", cgroup: group.fd } as const;
    const child = spawn([shell(`exec 2>&- ; ${use}`)], options);
    await exited(child.pidfd);
    closeFd(child.pidfd);
    const ending = reap(child.pid);
    if (ending && "exitCode" in ending && ending.exitCode === 0) succeeded.push(use);
  }
  rmdirSync(directory);
  return succeeded;
}

const READ_NULL = "exec < /dev/null";
const WRITE_NULL = "exec > /dev/null";
const BOTH_NULL = "exec <> /dev/null";
const READ_ZERO = "exec < /dev/zero";
const MAKE_NULL = `f=$(mktemp -u) && mknod $f c 1 3 && rm $f`;
const ALL = [READ_NULL, WRITE_NULL, BOTH_NULL, READ_ZERO];
const DENY_ALL: DeviceRule = { allow: false, access: "rwm" };
const NULL = { type: "c", major: 1, minor: 3 } as const;

describe.skipIf(root === undefined)("devices of a group of version 2", () => {
  test("are all allowed without a rule, and none after a rule that denies all", async () => {
    expect(await allowed([], ALL)).toEqual(ALL);
    expect(await allowed([DENY_ALL], ALL)).toEqual([]);
  });

  test("are those that rules behind it allow again", async () => {
    const rules = [DENY_ALL, { allow: true, ...NULL, access: "rwm" }];
    expect(await allowed(rules, ALL)).toEqual([READ_NULL, WRITE_NULL, BOTH_NULL]);
  });

  test("may be allowed for reading, writing or making alone", async () => {
    const uses = [...ALL, MAKE_NULL];
    expect(await allowed([DENY_ALL, { allow: true, ...NULL, access: "r" }], uses)).toEqual([READ_NULL]);
    const make = [
      DENY_ALL,
      { allow: true, ...NULL, access: "rw" },
      { allow: true, type: "c", access: "m" },
    ] as const;
    expect(await allowed(make, uses)).toEqual([READ_NULL, WRITE_NULL, BOTH_NULL, MAKE_NULL]);
  });

  test("allowed to be read by one rule and written by another may be opened for both, but not across a denial", async () => {
    const read = { allow: true, ...NULL, access: "r" } as const;
    const write = { allow: true, ...NULL, access: "w" } as const;
    const both = [READ_NULL, WRITE_NULL, BOTH_NULL];
    expect(await allowed([DENY_ALL, read, write], ALL)).toEqual(both);
    expect(await allowed([DENY_ALL, read, { allow: false, ...NULL, access: "r" }, write], ALL)).toEqual([
      WRITE_NULL,
    ]);
  });

  test("are decided by the last rule that matches", async () => {
    const rules = [
      { allow: true, access: "rwm" },
      { allow: false, ...NULL, access: "w" },
    ] as const;
    expect(await allowed(rules, ALL)).toEqual([READ_NULL, READ_ZERO]);
    expect(await allowed([...rules, { allow: true, type: "c", major: 1, access: "rwm" }], ALL)).toEqual(ALL);
  });

  test("may be limited further in a group below, as a systemd in a container does", () => {
    mkdirSync(`${directory}/below`, { recursive: true });
    try {
      limitDevices(directory, [DENY_ALL, { allow: true, ...NULL, access: "rw" }]);
      expect(() => limitDevices(`${directory}/below`, [DENY_ALL])).not.toThrow();
    } finally {
      rmdirSync(`${directory}/below`);
    }
  });

  test("take two steps, one to load the rules and one to attach them", () => {
    mkdirSync(directory);
    const steps = stepsOf(() => limitDevices(directory, [DENY_ALL]));
    expect(steps.map(({ call, args }) => `${call} ${args[0]}`)).toEqual([
      "bpf BPF_PROG_LOAD",
      "bpf BPF_PROG_ATTACH",
    ]);
  });
});

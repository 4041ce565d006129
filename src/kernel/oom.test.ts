import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { shell } from "./_test_support.ts";
import { bytes, type Call } from "./call.ts";
import { type Cgroup, createCgroup, openCgroup } from "./cgroup.ts";
import { closeFd } from "./file.ts";
import { mountpoints } from "./mount.ts";
import { watchControlFile, watchOom } from "./oom.ts";
import { exited, reap } from "./process.ts";
import { spawn } from "./spawn.ts";

const PATH = `/fathom-test-oom-${process.pid}`;

afterEach(async () => {
  const left = openCgroup(PATH);
  await left?.kill();
  await left?.remove();
});

async function hungry(cgroup: Cgroup): Promise<void> {
  const { procs, directory } = cgroup.entrance();
  const enter = procs.map((fd): Call => ({ call: "write", args: [fd, bytes(Buffer.from("0"), "0"), 1] }));
  const options = { namespaces: 0, memory: "shared", by: "container" } as const;
  const { pid, pidfd } = spawn(
    [...enter, shell('x=$(head -c 30m /dev/zero | tr "\\\\0" x)')],
    directory === undefined ? options : { ...options, cgroup: directory },
  );
  await exited(pidfd);
  closeFd(pidfd);
  reap(pid);
}

async function eventually(holds: () => boolean): Promise<void> {
  for (let left = 200; !holds() && left > 0; left--) await Bun.sleep(10);
  expect(holds()).toBe(true);
}

const unexpected = (sentence: string) => {
  throw new Error(sentence);
};
const descriptors = () => readdirSync("/proc/self/fd").length;

test("a kill for want of memory is heard, until nobody wants to hear any more", async () => {
  const cgroup = createCgroup(PATH, { memory: { limit: 8 << 20 } });
  const before = descriptors();
  let heard = 0;
  const watch = watchOom(cgroup, () => heard++, unexpected);
  expect(watch).toBeDefined();
  await hungry(cgroup);
  await eventually(() => heard > 0 && cgroup.oomKills() > 0);
  watch?.[Symbol.dispose]();
  await eventually(() => descriptors() <= before + cgroup.directories.length);
  const until = heard;
  await hungry(cgroup);
  expect(heard).toBe(until);
  await cgroup.remove();
});

test("a group that is gone has nothing to hear", async () => {
  const cgroup = createCgroup(PATH, {});
  await cgroup.remove();
  expect(watchOom(cgroup, () => undefined, unexpected)).toBeUndefined();
});

test("a group that is removed ends the watch without a word", async () => {
  const cgroup = createCgroup(PATH, {});
  using watch = watchOom(cgroup, () => undefined, unexpected);
  await cgroup.remove();
  expect(watch).toBeDefined();
});

const unified = mountpoints().find(({ type }) => type === "cgroup2")?.mountPoint;
if (unified === undefined) console.log("skipped: no cgroup2 is mounted");

describe.skipIf(unified === undefined)("a file of version 2 that notifies of its changes", () => {
  test("is heard each time it changes", async () => {
    const directory = `${unified}${PATH}`;
    if (!existsSync(directory)) mkdirSync(directory);
    const child = Bun.spawn(["sleep", "100"]);
    try {
      let heard = 0;
      using _ = watchControlFile(`${directory}/cgroup.events`, () => heard++, unexpected);
      writeFileSync(`${directory}/cgroup.procs`, String(child.pid));
      await eventually(() => heard === 1);
      child.kill();
      await eventually(() => heard === 2);
    } finally {
      child.kill();
      await child.exited;
      rmdirSync(directory);
    }
  });
});

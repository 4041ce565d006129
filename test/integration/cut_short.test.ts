/** A daemon that is killed in the middle of a copy or a commit: nothing half done is left, and the container goes on. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";

const MOMENTS = [0, 20, 40, 60, 90, 130];
const BIG_MB = 48;
let engine: Engine;
let outside: string;

beforeAll(async () => {
  engine = await startFathom();
  outside = join(engine.root, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "big"), new Uint8Array(BIG_MB << 20).fill(7));
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const docker = (args: string[]) => engine.output("docker", args);

/** One that keeps counting, with a big file of its own. */
async function counter(): Promise<string> {
  const script = `dd if=/dev/zero of=/own bs=1M count=${BIG_MB} 2>/dev/null; i=0; while :; do echo $i > /at; i=$((i+1)); usleep 10000; done`;
  const id = await docker(["run", "-d", "--network", "none", "busybox", "sh", "-c", script]);
  await eventually("its counting", async () => (await count(id)) > 0);
  return id;
}

async function count(id: string): Promise<number> {
  const text = await readFile(join(engine.dataRoot, "containers", id, "rw", "at"), "latin1").catch(() => "");
  return Number(text || 0);
}

async function expectToGoOn(id: string): Promise<void> {
  const before = await count(id);
  await eventually("that it counts on", async () => (await count(id)) > before + 1);
  expect(await docker(["inspect", "-f", "{{.State.Status}} {{.State.Paused}}", id])).toBe("running false");
  expect(await docker(["exec", id, "echo", "well"])).toBe("well");
}

async function expectNothingLeft(): Promise<void> {
  for (const store of ["images", "layers"])
    expect(await readdir(join(engine.dataRoot, store, "ingest"))).toEqual([]);
  const mounts = (await readFile("/proc/self/mounts", "latin1")).split("\n");
  const roots = mounts.filter((line) => line.includes(engine.dataRoot));
  expect(roots.filter((line) => !/\/rootfs |\/shm /.test(line))).toEqual([]);
}

/** Kills the daemon so many milliseconds after the command has begun, and starts the next. */
async function cutShort(args: string[], milliseconds: number): Promise<void> {
  const running = engine.command("docker", args);
  await Bun.sleep(milliseconds);
  await engine.kill();
  await running;
  await engine.start();
}

test("in the middle of a copy into a running container, or out of it", async () => {
  const id = await counter();
  for (const milliseconds of MOMENTS) {
    await cutShort(["cp", join(outside, "big"), `${id}:/copied`], milliseconds);
    await cutShort(["cp", `${id}:/own`, join(outside, "out")], milliseconds);
    await rm(join(outside, "out"), { force: true });
    await expectToGoOn(id);
    await expectNothingLeft();
    const written = await readdir(join(engine.dataRoot, "containers", id, "rw"));
    expect(written.filter((name) => name !== "copied").sort()).toEqual(["at", "etc", "own"]);
  }
  await docker(["cp", join(outside, "big"), `${id}:/copied`]);
  expect(await docker(["exec", id, "stat", "-c", "%s", "/copied"])).toBe(String(BIG_MB << 20));
}, 60_000);

test("in the middle of a copy into one that does not run, or out of it", async () => {
  const id = await docker(["create", "--network", "none", "busybox", "true"]);
  for (const milliseconds of MOMENTS) {
    await cutShort(["cp", join(outside, "big"), `${id}:/copied`], milliseconds);
    await cutShort(["cp", `${id}:/bin/busybox`, join(outside, "out")], milliseconds);
    await rm(join(outside, "out"), { force: true });
    await expectNothingLeft();
    const mounts = await readFile("/proc/self/mounts", "latin1");
    expect(mounts.split("\n").filter((line) => line.includes(id))).toEqual([]);
  }
  await docker(["start", "-a", id]);
}, 60_000);

test("in the middle of a commit: the container is not left standing still", async () => {
  const id = await counter();
  for (const milliseconds of MOMENTS) {
    await cutShort(["commit", id, "cut:short"], milliseconds);
    await expectToGoOn(id);
    await expectNothingLeft();
  }
  await docker(["commit", id, "cut:whole"]);
  expect(await docker(["run", "--rm", "--network", "none", "cut:whole", "stat", "-c", "%s", "/own"])).toBe(
    String(BIG_MB << 20),
  );
}, 60_000);

test("one that a user has paused stays paused, whatever commits there were before", async () => {
  const id = await counter();
  await docker(["commit", id, "cut:before"]);
  await docker(["pause", id]);
  await cutShort(["commit", id, "cut:paused"], 30);
  expect(await docker(["inspect", "-f", "{{.State.Status}}", id])).toBe("paused");
  await docker(["unpause", id]);
  await expectToGoOn(id);
});

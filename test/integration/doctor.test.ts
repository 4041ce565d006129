/** `fathom doctor`: finds what was left over and what is damaged, with a daemon and without, and mends what can be mended. */

import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Examination, Finding } from "../../src/spec/doctor.ts";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

const engines: Engine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine[Symbol.asyncDispose]();
});
async function started(): Promise<Engine> {
  const engine = await startFathom();
  engines.push(engine);
  return engine;
}

/** What it finds of an engine, without what it says of this host. */
async function doctor(engine: Engine, args: string[] = []): Promise<Finding[]> {
  const { root, dataRoot, execRoot } = engine;
  const roots = ["--data-root", dataRoot, "--exec-root", execRoot, "--pidfile", join(root, "pid")];
  const { status, stdout, stderr } = await engine.command("fathom", [
    "doctor",
    "--format",
    "json",
    ...roots,
    ...args,
  ]);
  if (stdout === "") throw new Error(stderr);
  const { Findings } = JSON.parse(stdout) as Examination;
  expect(status).toBe(Findings.some(({ done }) => done === undefined) ? 1 : 0);
  return Findings.filter(({ kind }) => kind !== "host" && kind !== "disk");
}

const kinds = (findings: Finding[]) => [...new Set(findings.map(({ kind }) => kind))].sort();

/** Leaves behind what a crash may leave of a container that has ended. */
async function litter(
  engine: Engine,
): Promise<{ rootfs: string; bundle: string; socket: string; file: string }> {
  const id = await engine.output("docker", ["run", "-d", "--network", "none", "busybox", "true"]);
  await engine.output("docker", ["wait", id]);
  const state = Bun.file(join(engine.dataRoot, "containers", id, "state.json"));
  await eventually("its end on disk", async () => (await state.text()).includes('"exited"'));
  const rootfs = join(engine.dataRoot, "containers", id, "rootfs");
  const bundle = join(engine.execRoot, "bundles", "e".repeat(64));
  const socket = join(engine.execRoot, "shims", "left.sock");
  const file = join(engine.dataRoot, "containers", id, "config.json.tmp");
  await run(["mount", "-t", "tmpfs", "left", rootfs]);
  await mkdir(bundle);
  for (const path of [socket, file]) await writeFile(path, "");
  return { rootfs, bundle, socket, file };
}

async function isMounted(path: string): Promise<boolean> {
  return (await run(["mountpoint", "-q", path])).status === 0;
}

test("a daemon that is well has nothing to tell of, also with containers that run", async () => {
  const engine = await started();
  await engine.output("docker", ["run", "-d", "--network", "none", "busybox", "sleep", "100"]);
  expect(await doctor(engine)).toEqual([]);
  const { stdout } = await engine.command("fathom", ["doctor"]);
  expect(stdout).toMatch(/finding|Nothing is damaged/);
});

test("with a daemon: what was left is found, and what is certainly nobody's is mended", async () => {
  const engine = await started();
  const left = await litter(engine);
  const found = await doctor(engine);
  expect(kinds(found)).toEqual(["bundle", "mount", "socket", "temporary"]);
  expect(found.every(({ see, sentence }) => see !== "" && sentence !== "")).toBe(true);
  const mended = (await doctor(engine, ["--fix"])).filter(({ done }) => done !== undefined);
  expect(kinds(mended)).toEqual(["bundle", "socket", "temporary"]);
  expect([left.bundle, left.socket, left.file].map((path) => existsSync(path))).toEqual([
    false,
    false,
    false,
  ]);
  // It may belong to a copy that is under way; the next daemon knows that it does not.
  expect(kinds(await doctor(engine))).toEqual(["mount"]);
  await engine.kill();
  await engine.start();
  expect(await isMounted(left.rootfs)).toBe(false);
  expect(await doctor(engine)).toEqual([]);
});

test("without a daemon: the same, and that its last one was killed; what cannot be known is said", async () => {
  const engine = await started();
  await litter(engine);
  await engine.kill();
  expect(kinds(await doctor(engine))).toEqual(["bundle", "mount", "pidfile", "socket", "temporary"]);
  const { stdout } = await engine.command("fathom", [
    "doctor",
    "--data-root",
    engine.dataRoot,
    "--exec-root",
    engine.execRoot,
    "--pidfile",
    join(engine.root, "pid"),
  ]);
  expect(stdout).toContain("No daemon runs:");
  await doctor(engine, ["--fix"]);
  expect(await doctor(engine)).toEqual([]);
  await engine.start();
});

test("a container that is damaged, one without its snapshot and one that was never finished are named", async () => {
  const engine = await started();
  const ids: string[] = [];
  for (let count = 0; count < 2; count++)
    ids.push(await engine.output("docker", ["create", "--network", "none", "busybox", "true"]));
  await engine.stop();
  const [torn = "", bare = ""] = ids.map((id) => join(engine.dataRoot, "containers", id));
  await writeFile(join(torn, "config.json"), "{");
  await run(["rm", "-r", join(bare, "rw")]);
  await mkdir(join(engine.dataRoot, "containers", "d".repeat(64)));
  expect(kinds(await doctor(engine))).toEqual(["damaged", "snapshot", "unfinished"]);
  await engine.start();
});

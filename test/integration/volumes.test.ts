/** Volumes of an engine that is killed: whole or not there, and used by those who use them. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom, tarOf } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(async () => {
  await engine.removeContainers();
  for (const name of await names()) await docker(["volume", "rm", name]);
});
afterAll(() => engine[Symbol.asyncDispose]());

const docker = (args: string[]) => engine.output("docker", args);
const NONE = ["--network", "none"];
const root = () => join(engine.dataRoot, "volumes");
const names = async () => (await docker(["volume", "ls", "-q"])).split("\n").filter(Boolean);
const restart = async () => {
  await engine.kill();
  await engine.start();
};

test("a volume with options stays mounted while its container runs on, and is unmounted at the end", async () => {
  const options = ["-o", "type=tmpfs", "-o", "device=tmpfs"];
  await docker(["volume", "create", ...options, "ram"]);
  const id = await docker(["run", "-d", ...NONE, "-v", "ram:/d", "busybox", "sleep", "100"]);
  await docker(["exec", id, "sh", "-c", "echo kept >/d/f"]);
  await restart();
  const refused = await engine.command("docker", ["volume", "rm", "ram"]);
  expect(refused.stderr).toContain(`remove ram: volume is in use - [${id}]`);
  expect(await readFile(join(root(), "ram/_data/f"), "utf8")).toBe("kept\n");
  await docker(["kill", id]);
  await eventually("the unmount", async () => (await readdir(join(root(), "ram/_data"))).length === 0);
});

test("one whose container ended while no engine ran is unmounted by the next", async () => {
  await docker(["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "ram"]);
  await docker(["run", "-d", ...NONE, "-v", "ram:/d", "busybox", "sh", "-c", "touch /d/f; sleep 0.5"]);
  await eventually("its file", async () => (await readdir(join(root(), "ram/_data"))).length > 0);
  await engine.kill();
  await Bun.sleep(1000);
  await engine.start();
  await eventually("the unmount", async () => (await readdir(join(root(), "ram/_data"))).length === 0);
});

test("killed in the middle of making containers, it leaves volumes whole and no anonymous one behind", async () => {
  const files = Array.from({ length: 2000 }, (_, index) => ({
    path: `many/${index}`,
    content: "x".repeat(500),
  }));
  const archive = tarOf([{ path: "many/", type: "5" }, ...files]);
  await engine.output("docker", ["import", "-c", "VOLUME /anon", "-", "many"], { input: archive });
  for (const [round, delay] of [10, 25, 40, 60, 80, 110, 150, 200].entries()) {
    const volume = `round-${round}`;
    const made = engine.command("docker", ["create", ...NONE, "-v", `${volume}:/many`, "many", "x"], {
      timeout: 15_000,
    });
    await Bun.sleep(delay);
    await engine.kill();
    await made;
    await engine.start();
    const directory = join(root(), volume);
    const there = (await names()).includes(volume);
    const count = there ? (await readdir(join(directory, "_data"))).length : 0;
    expect([0, 2000]).toContain(count);
    if (there) expect(await readdir(directory)).toEqual(["_data", "volume.json"]);
    const containers = (await docker(["ps", "-aq"])).split("\n").filter(Boolean);
    const anonymous = (await names()).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(anonymous).toHaveLength(containers.length);
    for (const id of containers) await docker(["rm", "-v", id]);
    expect((await names()).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
  }
});

test("killed in the middle of removing, it leaves neither half a volume nor one that nobody can name", async () => {
  for (const delay of [0, 3, 6, 10, 15, 25]) {
    const id = await docker(["create", ...NONE, "-v", "/anon", "-v", "named:/n", "busybox", "true"]);
    const removed = engine.command("docker", ["rm", "-v", id], { timeout: 15_000 });
    await Bun.sleep(delay);
    await engine.kill();
    await removed;
    await engine.start();
    const containers = (await docker(["ps", "-aq"])).split("\n").filter(Boolean);
    expect(await names()).toHaveLength(1 + containers.length);
    const hidden = (await readdir(root())).filter((name) => name.startsWith("."));
    expect(hidden.filter((name) => name !== ".trash")).toEqual([]);
    for (const left of containers) await docker(["rm", "-v", left]);
    expect(await names()).toEqual(["named"]);
  }
});

test("a prune that a kill cuts short goes on the next time", async () => {
  for (let index = 0; index < 30; index++) await docker(["volume", "create", `v${index}`]);
  const pruned = engine.command("docker", ["volume", "prune", "-af"], { timeout: 15_000 });
  await Bun.sleep(25);
  await engine.kill();
  await pruned;
  await engine.start();
  for (const name of await readdir(root()))
    if (name !== ".trash") expect(await readdir(join(root(), name))).toEqual(["_data", "volume.json"]);
  await docker(["volume", "prune", "-af"]);
  expect(await names()).toEqual([]);
  expect((await readdir(root())).filter((name) => name !== ".trash")).toEqual([]);
});

test("a volume that is damaged is told of, and stands in nobody's way", async () => {
  await docker(["volume", "create", "torn"]);
  await writeFile(join(root(), "torn", "volume.json"), '{"Name":');
  await restart();
  expect(await names()).toEqual([]);
  expect(await engine.log()).toContain("volume torn is damaged");
  await rm(join(root(), "torn"), { recursive: true });
});

/** A full disk: what is asked for fails with a reason, the daemon lives, and all is well once there is room again. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, run, startFathom, tarOf } from "../harness/mod.ts";

const SIZE_MB = 64;
let engine: Engine;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp("/tmp/fathom-test-disk-");
  const [disk, image] = [join(directory, "disk"), join(directory, "image")];
  await mkdir(disk);
  for (const command of [
    ["truncate", "-s", `${SIZE_MB}M`, image],
    ["mkfs.ext4", "-q", "-m", "0", image],
    ["mount", "-o", "loop", image, disk],
  ]) {
    const { status, stderr } = await run(command);
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  }
  engine = await startFathom({ dataRoot: join(disk, "data") });
});

afterAll(async () => {
  try {
    await engine[Symbol.asyncDispose]();
  } finally {
    await run(["umount", join(directory, "disk")]);
    await rm(directory, { recursive: true });
  }
});

const docker = (args: string[]) => engine.command("docker", args);

test("an image that does not fit is refused for want of space, and leaves no byte", async () => {
  const free = await freeBytes();
  const content = new Uint8Array((SIZE_MB + 10) << 20).map((_, index) => index ^ (index >> 8));
  const answer = await engine.request(
    "POST",
    "/images/create?fromSrc=-&repo=huge",
    tarOf([{ path: "big", content }]),
  );
  expect(answer.status >= 400 || answer.text.includes('"error"')).toBe(true);
  expect(answer.text).toMatch(/no space left|ENOSPC|disk is full|larger than the file system/i);
  expect(await freeBytes()).toBeGreaterThan(free - (1 << 20));
});

test("a container that fills the disk is told, the daemon answers, and there is room again once it is removed", async () => {
  const filled = await docker([
    "run",
    "--name",
    "filler",
    "--network",
    "none",
    "busybox",
    "sh",
    "-c",
    "dd if=/dev/zero of=/big bs=64k 2>&1; echo ended",
  ]);
  expect(filled.stdout + filled.stderr).toMatch(/No space left on device/);

  const refused = await docker(["run", "--name", "unlucky", "--network", "none", "busybox", "true"]);
  if (refused.status !== 0) expect(refused.stderr).toMatch(/no space left|ENOSPC|disk is full/i);
  expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  expect((await docker(["ps", "-a"])).status).toBe(0);

  expect((await docker(["rm", "-f", "filler"])).status).toBe(0);
  await docker(["rm", "-f", "unlucky"]);
  expect((await docker(["run", "--rm", "--network", "none", "busybox", "echo", "room"])).stdout).toBe(
    "room\n",
  );
});

const KB = 1024;
/** What the names of a container's mount points take; without it the kernel says that they are not there. */
const FOR_NAMES = 6 * KB;
/** How much room is left beside that: none, some for records, some for a part of what is to be written. */
const ROOMS = [0, 8 * KB, 40 * KB, 200 * KB, 700 * KB];

describe.each(ROOMS)("with %d bytes of room", (room) => {
  let image = "";
  let before: string[] = [];
  beforeAll(async () => {
    await engine.output("docker", ["create", "--name", "ready", "--network", "none", "busybox", "true"]);
    const write = ["run", "--name", "written", "--network", "none", "busybox", "cp", "/bin/busybox", "/more"];
    await engine.output("docker", write);
    image = await engine.output("docker", ["images", "-q"]);
    await fill(room + FOR_NAMES);
    before = await entries();
  });
  afterAll(async () => {
    await rm(filling());
    await engine.removeContainers();
  });

  /** Fails for want of room and leaves nothing; or there was room enough, and what it made is removed. */
  async function expectAllOrNothing(args: string[], undo: string[]): Promise<void> {
    const { status, stderr } = await docker(args);
    if (status === 0) expect((await docker(undo)).status).toBe(0);
    else expect(stderr).toMatch(/no space left on device|disk is full/i);
    if (room === 0) expect(status).not.toBe(0);
    expect(await entries()).toEqual(before);
    expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  }

  test("a container is created whole or not at all", async () => {
    const create = ["create", "--name", "more", "--network", "none", "busybox", "true"];
    for (let count = 0; count < 3; count++) await expectAllOrNothing(create, ["rm", "more"]);
  });

  test("one that cannot be started says why, and has nothing mounted", async () => {
    const { status, stderr } = await docker(["start", "-a", "ready"]);
    if (status !== 0) expect(stderr).toMatch(/no space left on device|disk is full/i);
    const id = await engine.output("docker", ["inspect", "-f", "{{.Id}}", "ready"]);
    expect(await mounts()).not.toContain(id);
  });

  test("a commit makes an image or nothing", async () => {
    await expectAllOrNothing(["commit", "written", "committed"], ["rmi", "committed"]);
    expect(await engine.output("docker", ["images", "-q"])).toBe(image);
  });

  test("a copy says that it does not fit", async () => {
    const { status, stderr } = await docker(["cp", "/bin/busybox", "ready:/copied"]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/no space left on device|disk is full/i);
  });

  test("a volume that an image's files do not fit into is not left behind, or empty", async () => {
    const run = ["run", "--name", "copying", "--network", "none", "-v", "data:/bin", "busybox", "true"];
    const { status, stderr } = await docker(run);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/no space left on device|disk is full/i);
    await docker(["rm", "copying"]);
    const left = await readdir(join(engine.dataRoot, "volumes", "data", "_data")).catch(() => []);
    expect(left).toEqual([]);
    await docker(["volume", "rm", "data"]);
    expect(await readdir(join(engine.dataRoot, "volumes"))).toEqual([]);
  });

  test("what there is can be looked at and removed", async () => {
    expect((await docker(["inspect", "ready"])).status).toBe(0);
    expect((await docker(["rm", "ready", "written"])).stderr).toBe("");
    expect(await readdir(join(engine.dataRoot, "containers"))).toEqual([]);
  });
});

const filling = () => join(directory, "disk", "filling");

/** Takes all room but so much. */
async function fill(room: number): Promise<void> {
  const taken = await run(["dd", "if=/dev/zero", `of=${filling()}`, "bs=64k", "conv=fsync"]);
  if (!taken.stderr.includes("No space left")) throw new Error(`the disk is not full: ${taken.stderr}`);
  // What was too little for a large piece.
  await run(["dd", "if=/dev/zero", `of=${filling()}`, "bs=1k", "oflag=append", "conv=notrunc,fsync"]);
  await truncate(filling(), (await stat(filling())).size - room);
  await run(["sync", "-f", filling()]);
}

const mounts = () => readFile("/proc/self/mounts", "latin1");

/** Names of containers, layers and blobs, and of what is on its way. */
async function entries(): Promise<string[]> {
  const folders = ["containers", "layers", "layers/ingest", "images/ingest", "images/blobs/sha256"];
  const names = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(engine.dataRoot, folder))).map((name) => `${folder}/${name}`),
    ),
  );
  return names.flat().sort();
}

async function freeBytes(): Promise<number> {
  const { stdout } = await run(["stat", "-f", "-c", "%a %S", join(directory, "disk")]);
  const [blocks = 0, size = 0] = stdout.split(" ").map(Number);
  return blocks * size;
}

test("on a disk that is full to the last byte prune and rm work, and the reserve that lets them is back after that", async () => {
  await engine.output("docker", ["create", "--name", "first", "--network", "none", "busybox", "true"]);
  await engine.output("docker", ["create", "--name", "second", "--network", "none", "busybox", "true"]);
  await engine.output("docker", ["volume", "create", "old"]);
  await eventually("the reserve", reserved);
  await fill(0);
  try {
    for (const args of [
      ["rm", "first"],
      ["container", "prune", "-f"],
      ["volume", "rm", "old"],
      ["rmi", "busybox"],
    ])
      expect([args, (await docker(args)).stderr]).toEqual([args, ""]);
    expect(await engine.output("docker", ["ps", "-aq"])).toBe("");
    expect(await readdir(join(engine.dataRoot, "volumes"))).toEqual([]);
  } finally {
    await rm(filling());
  }
  await engine.stop();
  await engine.start();
  await eventually("the reserve", reserved);
});

/** Whether the engine has its own part of the disk. */
const reserved = () =>
  stat(join(engine.dataRoot, "reserve")).then(
    ({ size }) => size > 500_000,
    () => false,
  );

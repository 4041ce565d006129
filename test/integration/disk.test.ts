/** A full disk: what is asked for fails with a reason, the daemon lives, and all is well once there is room again. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, run, startFathom, tarOf } from "../harness/mod.ts";

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
  expect(answer.text).toMatch(/no space left|ENOSPC|disk is full/i);
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

async function freeBytes(): Promise<number> {
  const { stdout } = await run(["stat", "-f", "-c", "%a %S", join(directory, "disk")]);
  const [blocks = 0, size = 0] = stdout.split(" ").map(Number);
  return blocks * size;
}

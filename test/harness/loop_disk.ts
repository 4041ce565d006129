/** For tests: file systems of their own, made in files and mounted by loop devices, which go at the end. */

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Disk extends AsyncDisposable {
  /** Where it is mounted. */
  path: string;
}

const MAKE: Record<string, string[]> = {
  btrfs: ["mkfs.btrfs", "-q", "-f"],
  ext4: ["mkfs.ext4", "-q", "-m", "0"],
};

/** A new file system of `megabytes`. The loop device goes with the mount (autoclear). */
export async function loopDisk(type: "btrfs" | "ext4", megabytes: number): Promise<Disk> {
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp("/tmp/fathom-test-disk-");
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  const [image, path] = [join(directory, "image"), join(directory, "mount")];
  await writeFile(image, "");
  await truncate(image, megabytes * 1024 * 1024);
  const [program = "", ...options] = MAKE[type] ?? [];
  execFileSync(program, [...options, image]);
  await mkdir(path);
  execFileSync("mount", ["-o", "loop", image, path]);
  undo.defer(() => void execFileSync("umount", [path]));
  const end = undo.move();
  return { path, [Symbol.asyncDispose]: () => end.disposeAsync() };
}

/** What the daemon needs of the host beside the image store: other runtimes, and the cleaning up after a lost shim. */

import { chmod, readFile, rename, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KillLeftovers, RunProgram } from "../container/needs.ts";
import { initProgram, openCgroup, removeStrays, spawnProgram } from "../kernel/mod.ts";
import { ifAbsent } from "../std/absent.ts";

/** The native runtime, and those of other projects that are installed. */
export function findRuntimes(): Record<string, { path?: string }> {
  const runtimes: Record<string, { path?: string }> = { native: {} };
  for (const name of ["crun", "runc"]) {
    const path = Bun.which(name);
    if (path !== null) runtimes[name] = { path };
  }
  return runtimes;
}

/** Gives the path of the init's program in a directory, and writes it there when it is first asked for. */
export function initWriter(directory: string): () => Promise<string> {
  let writing: Promise<string> | undefined;
  const write = async () => {
    try {
      return await writeInit(directory);
    } catch (error) {
      writing = undefined;
      throw error;
    }
  };
  return () => {
    writing ??= write();
    return writing;
  };
}

/** One that is there already may be of another engine version; running containers keep it. */
async function writeInit(directory: string): Promise<string> {
  const path = join(directory, "docker-init");
  const program = initProgram();
  const present = await readFile(path).catch(ifAbsent(undefined));
  if (present?.equals(program)) return path;
  const temporary = `${path}.tmp`;
  await writeFile(temporary, program, { mode: 0o755 });
  await chmod(temporary, 0o755);
  await rename(temporary, path);
  return path;
}

/** See KillLeftovers. */
export const killLeftovers: KillLeftovers = async (path) => {
  const cgroup = openCgroup(path);
  try {
    await cgroup?.kill();
    await cgroup?.remove();
  } finally {
    cgroup?.close();
  }
  removeStrays(path);
};

/** See RunProgram. */
export const runProgram = async (command: readonly string[], input = ""): ReturnType<RunProgram> => {
  const [name = ""] = command;
  const path = Bun.which(name);
  if (path === null) return undefined;
  const program = spawnProgram([path, ...command.slice(1)], {
    stdio: [input === "" ? "ignore" : new Blob([input]), "pipe", "pipe"],
    env: {},
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(program.stdout).text(),
    new Response(program.stderr).text(),
    program.exited,
  ]);
  return { exitCode, stdout, stderr };
};

/** File systems by statfs(2)'s f_type, under the names Docker shows. */
const FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, "extfs"],
  [0x9123683e, "btrfs"],
  [0x58465342, "xfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
  [0x2fc12fc1, "zfs"],
]);

/** What the data root lies on. */
export async function backingFilesystem(path: string): Promise<string> {
  const { type } = await statfs(path);
  return FILESYSTEMS.get(type) ?? `0x${type.toString(16)}`;
}

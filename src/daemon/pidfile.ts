/** The pid file: one daemon a root, and a stale file is no obstacle. */

import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/**
 * Claims `path` for this process; disposing gives it up.
 * @throws {FathomError} conflict when the process named there is alive and is a daemon of ours.
 */
export async function claimPidfile(path: string): Promise<AsyncDisposable> {
  const holder = Number.parseInt(await readFile(path, "latin1").catch(ifAbsent("")), 10);
  if (holder > 0 && holder !== process.pid && (await isDaemon(holder))) {
    throw new FathomError(
      "conflict",
      `a daemon with pid ${holder} runs already (${path}): stop it, or give this one other --pidfile, --data-root, --exec-root and -H`,
    );
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${process.pid}\n`, { mode: 0o644 });
  await rename(temporary, path);
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Whether a process is a Fathom daemon; after a crash the number may belong to anybody, or to nobody. */
async function isDaemon(pid: number): Promise<boolean> {
  const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return argv.includes("daemon");
}

/** The pid file: one daemon a root, and a stale file is no obstacle. */

import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/**
 * Claims `path` for this process; disposing gives it up.
 * One that outlives a boot of the host notes it on a second line, since numbers of processes begin anew.
 * @throws {FathomError} conflict when the process named there is alive and is a daemon of ours.
 */
export async function claimPidfile(
  path: string,
  { outlivesBoot }: { outlivesBoot: boolean } = { outlivesBoot: false },
): Promise<AsyncDisposable> {
  const boot = outlivesBoot ? await readFile("/proc/sys/kernel/random/boot_id", "latin1") : "";
  const [number = "", inBoot = ""] = (await readFile(path, "latin1").catch(ifAbsent(""))).split("\n");
  const holder = inBoot !== "" && outlivesBoot && inBoot !== boot.trim() ? 0 : Number.parseInt(number, 10);
  if (holder > 0 && holder !== process.pid && (await isDaemon(holder))) {
    throw new FathomError(
      "conflict",
      `a daemon with pid ${holder} runs already (${path}): stop it, or give this one other --pidfile, --data-root, --exec-root and -H`,
    );
  }
  await mkdir(dirname(path), { recursive: true });
  await replace(path, `${process.pid}\n${boot}`);
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** On a disk that is full the file of a daemon that was killed has room for the next one's. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { mode: 0o644 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (codeOf(error) !== "ENOSPC") throw error;
    await writeFile(path, text, { flag: "r+" });
  }
}

/** Whether a process is a Fathom daemon; after a crash the number may belong to anybody, or to nobody. */
async function isDaemon(pid: number): Promise<boolean> {
  const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return argv.includes("daemon");
}

/**
 * The pid file: one daemon a root. Whoever has the lock of the file (flock(2)) has the root, until its process ends, however that
 * may be; so of two that start together one is refused, and a stale file is no obstacle. What is written there is for people and
 * programs that look for the daemon, and for builds that knew no lock: they refuse, and are refused, by the number alone.
 */

import { type FileHandle, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { lockFile, O } from "../kernel/mod.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/**
 * Claims `path` for this process; disposing gives it up.
 * One that outlives a boot of the host notes it on a second line, since numbers of processes begin anew.
 * @throws {FathomError} conflict when another daemon has it.
 */
export async function claimPidfile(
  path: string,
  { outlivesBoot }: { outlivesBoot: boolean } = { outlivesBoot: false },
): Promise<AsyncDisposable> {
  const boot = outlivesBoot ? await readFile("/proc/sys/kernel/random/boot_id", "latin1") : "";
  await mkdir(dirname(path), { recursive: true });
  await using stack = new AsyncDisposableStack();
  const file = stack.adopt(await lockedFile(path), (locked) => locked.close());
  const [number = "", inBoot = ""] = (await contentOf(file)).split("\n");
  const holder = inBoot !== "" && outlivesBoot && inBoot !== boot.trim() ? 0 : Number.parseInt(number, 10);
  if (holder > 0 && holder !== process.pid && (await isDaemon(holder))) throw held(path, holder);
  // Before the lock goes, so that nobody can have claimed the file that is removed.
  stack.defer(() => removeOwn(file, path));
  await overwrite(file, `${process.pid}\n${boot}`);
  return stack.move();
}

/** The file under that name, locked. Between opening and locking its last holder may have removed it: then once more. */
async function lockedFile(path: string): Promise<FileHandle> {
  for (;;) {
    await using stack = new AsyncDisposableStack();
    const file = stack.adopt(await open(path, O.RDWR | O.CREAT | O.CLOEXEC, 0o644), (opened) =>
      opened.close(),
    );
    if (!lockFile(file.fd, `lock ${path}`)) throw held(path, Number.parseInt(await contentOf(file), 10));
    if (!(await isNamed(file, path))) continue;
    stack.move();
    return file;
  }
}

/** @param pid not a number while the other has not written it yet */
function held(path: string, pid: number): FathomError {
  const who = pid > 0 ? `a daemon with pid ${pid} runs already` : "another daemon is starting";
  return new FathomError(
    "conflict",
    `${who} (${path}): stop it, or give this one other --pidfile, --data-root, --exec-root and -H`,
  );
}

/** A build that knew no lock may have put a file of its own in the place of ours: that one stays. */
async function removeOwn(file: FileHandle, path: string): Promise<void> {
  if (await isNamed(file, path)) await rm(path);
}

async function isNamed(file: FileHandle, path: string): Promise<boolean> {
  const [ours, found] = await Promise.all([
    file.stat({ bigint: true }),
    stat(path, { bigint: true }).catch(ifAbsent(undefined)),
  ]);
  return found !== undefined && found.ino === ours.ino && found.dev === ours.dev;
}

/** More than a number and the ID of a boot take. */
const MOST_BYTES = 256;

async function contentOf(file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(MOST_BYTES);
  const { bytesRead } = await file.read(buffer, 0, MOST_BYTES, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

/** In place: on a disk that is full the file of a daemon that was killed has room for the next one's. */
async function overwrite(file: FileHandle, text: string): Promise<void> {
  await file.write(text, 0);
  await file.truncate(text.length);
}

/** Whether a process is a Fathom daemon; after a crash the number may belong to anybody, or to nobody. */
async function isDaemon(pid: number): Promise<boolean> {
  const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return argv.includes("daemon");
}

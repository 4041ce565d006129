/**
 * Copy-up: an empty volume gets what an image has at the place where it is mounted.
 *
 * The copy is made beside the files, under a name that says it is not whole; one rename says that it is, and its entries are then
 * moved into `_data`. An engine that starts deletes a copy that is not whole, and goes on moving one that is. Where a file
 * system of its own is mounted at `_data` nothing can be moved into it: there the copy is made in place.
 */

import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import {
  AT,
  check,
  copyOwnFacts,
  copyTree,
  isMounted,
  O,
  openInRoot,
  openName,
  owned,
  S,
  SyscallError,
  statFd,
} from "../kernel/mod.ts";
import { codeOf, ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/** A copy under way, and one that is whole. */
const PARTIAL = ".copying";
const WHOLE = ".copied";

export interface Source {
  /** Gives the image's root file system; asked only when something is to be copied. */
  root: () => Promise<string>;
  /** In the container; links are followed as the container would. */
  path: string;
}

/** @throws {FathomError} invalid, when the image has something else than a directory there */
export async function populateDirectory(directory: string, source: Source): Promise<void> {
  const data = join(directory, "_data");
  if (!(await isEmpty(data))) return;
  using from = openSource(await source.root(), source.path);
  if (from === undefined) return;
  if (isMounted(data)) {
    using place = openForReading(data);
    await copyTree(from.fd, place.fd).catch(sayFull);
    return;
  }
  const partial = join(directory, PARTIAL);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(partial, { recursive: true, force: true }));
  await makeCopy(from.fd, partial);
  await rename(partial, join(directory, WHOLE));
  undo.move();
  await moveIn(directory);
}

async function isEmpty(directory: string): Promise<boolean> {
  return (await readdir(directory)).length === 0;
}

/** The image's directory, resolved inside its root; undefined where it has nothing. */
function openSource(root: string, path: string): (Disposable & { fd: number }) | undefined {
  try {
    const source = owned(openInRoot(root, path, O.RDONLY | O.NONBLOCK));
    if ((statFd(source.fd).mode & S.IFMT) === S.IFDIR) return source;
    source[Symbol.dispose]();
  } catch (error) {
    if (error instanceof SyscallError && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw error;
  }
  throw new FathomError("invalid", `cannot mount volume over existing file, file exists ${path}`);
}

function openForReading(path: string): Disposable & { fd: number } {
  const at = { directory: AT.FDCWD, name: Buffer.from(path).toString("latin1") };
  return owned(check(openName(at, O.RDONLY | O.DIRECTORY), `open ${path}`));
}

async function makeCopy(from: number, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { mode: 0o700 });
  using copy = openForReading(to);
  await copyTree(from, copy.fd).catch(sayFull);
}

function sayFull(cause: unknown): never {
  if (codeOf(cause) !== "ENOSPC" && codeOf(cause) !== "EDQUOT") throw cause;
  throw new FathomError(
    "unavailable",
    "no space left on device to copy an image's files into a volume: free some and try again",
    { cause },
  );
}

/** Moves a whole copy into the volume; may be repeated. */
async function moveIn(directory: string): Promise<void> {
  const [whole, data] = [join(directory, WHOLE), join(directory, "_data")];
  for (const name of await readdir(whole)) await rename(join(whole, name), join(data, name));
  {
    using from = openForReading(whole);
    using to = openForReading(data);
    copyOwnFacts({ from: from.fd, to: to.fd, path: "" });
  }
  await rmdir(whole);
}

/** What a crash left of a copy: the whole is brought to its end, the rest is deleted. */
export async function finishCopy(directory: string): Promise<void> {
  await rm(join(directory, PARTIAL), { recursive: true, force: true });
  const names: string[] = await readdir(directory).catch(ifAbsent([]));
  if (names.includes(WHOLE)) await moveIn(directory);
}

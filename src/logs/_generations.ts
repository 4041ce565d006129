/**
 * The files a log consists of, opened for reading while a writer may be renaming them.
 *
 * Names are looked at one after the other and change meanwhile. What holds: a file only ever moves to higher numbers, the older
 * one stands higher, and one number at the most is free among them (_rotate.ts). So who looks at the numbers upwards meets
 * every file that was there when the look began, some of them more than once, and newer ones in between.
 */

import { type FileHandle, open } from "node:fs/promises";
import { generation } from "./_rotate.ts";

/** One file of a log. Its name may change while it is open; its device and inode do not, and no other file gets them. */
export interface LogPart extends AsyncDisposable {
  file: FileHandle;
  /** Device and inode. */
  identity: string;
  /** As a LogPosition has it. */
  inode: number;
  /** Bytes in it when it was opened: all that it will ever hold, unless it is the newest. */
  size: number;
}

/** Opens what has the number just now; undefined when there is nothing. */
export type OpenGeneration = (number: number) => Promise<LogPart | undefined>;

const NOTHING_YET = { identity: undefined, number: 0, metAt: 0 };
/** How far a file is sought above the number at which it was met: it may have been removed, or moved away by hand. */
const FARTHEST = 16;

/** Opens the generations of the log at `path`. */
export function generationsOf(path: string): OpenGeneration {
  return (number) => openPart(generation(path, number));
}

/**
 * Opens the files of a log, oldest first; with `after`, the identity of a file that is held open, those that are newer. No
 * file is given twice, and none between two is left out. There may be newer ones still; when nothing is given there are none.
 */
export async function openParts(openAt: OpenGeneration, after?: string): Promise<LogPart[]> {
  await using opened = new AsyncDisposableStack();
  const upwards = await lookUpwards(openAt, opened, after);
  const parts: LogPart[] = [];
  const removed: LogPart[] = [];
  const oldest = upwards.at(-1);
  for (const part of upwards.toReversed()) {
    const { size, nlink } = await part.file.stat();
    // One removed meanwhile is older than all that remain; the order of two such is not known, so that one only is kept.
    (nlink > 0 || part === oldest ? parts : removed).push({ ...part, size });
  }
  opened.move();
  for (const part of removed) await part[Symbol.asyncDispose]();
  return parts;
}

/** The files that are met below `after`, in the order in which they were met last: of those that remain, the newest first. */
async function lookUpwards(
  openAt: OpenGeneration,
  opened: AsyncDisposableStack,
  after: string | undefined,
): Promise<LogPart[]> {
  const met = new Map<string, LogPart>();
  /** The file met last, and the lowest number it can have by now. */
  let last: { identity: string | undefined; number: number; metAt: number } = NOTHING_YET;
  for (let number = 0; ; number += 1) {
    const part = await openAt(number);
    if (part !== undefined) {
      const { identity } = part;
      const known = met.get(identity);
      if (known === undefined && identity !== after) opened.use(part);
      else await part[Symbol.asyncDispose]();
      if (identity === after) break;
      met.delete(identity);
      met.set(identity, known ?? part);
      last = { identity, number, metAt: number };
    } else if (number - last.number >= 2) {
      // Two free numbers are the end if they were free at once: if the file below them has not moved meanwhile.
      const settled = (await identityOf(openAt, last.number)) === last.identity;
      if (settled || number - last.metAt > FARTHEST) break;
      last = { ...last, number: last.number + 1 };
      number = last.number;
    }
  }
  return [...met.values()];
}

async function identityOf(openAt: OpenGeneration, number: number): Promise<string | undefined> {
  await using part = await openAt(number);
  return part?.identity;
}

async function openPart(path: string): Promise<LogPart | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  await using opened = new AsyncDisposableStack();
  opened.defer(() => file.close());
  const { dev, ino, size } = await file.stat({ bigint: true });
  const held = opened.move();
  return {
    file,
    identity: `${dev}:${ino}`,
    inode: Number(ino),
    size: Number(size),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/**
 * The files a log consists of, opened for reading while a writer may be renaming them.
 *
 * Names are looked at one after the other and change meanwhile. What holds: a file only ever moves to higher numbers, the older
 * one stands higher, and one number at the most is free among them (_rotate.ts). So who looks at the numbers upwards meets
 * every file that was there when the look began, some of them more than once, and newer ones in between.
 */

import { type FileHandle, open } from "node:fs/promises";
import { isAbsent } from "../std/absent.ts";
import { identityOf } from "./_identity.ts";
import { readLabel } from "./_packed.ts";
import { generation, packedGeneration } from "./_rotate.ts";

/** One file of a log. Its name may change while it is open; its identity does not, and no other file gets it. */
export interface LogPart extends AsyncDisposable {
  file: FileHandle;
  /** A compressed file has that of the file it was made from. */
  identity: string;
  /**
   * Bytes in it when it was opened: all that it will ever hold, unless it is the newest. Of a compressed one it is not known
   * how many bytes it holds: infinitely many.
   */
  size: number;
  packed?: Packed;
}

/** Where the data of a compressed file begins, and the newest time in it, without its zone, where the writer knew it. */
export interface Packed {
  dataAt: number;
  newest?: string;
}

/** Opens what has the number just now; undefined when there is nothing. */
export type OpenGeneration = (number: number) => Promise<LogPart | undefined>;

const NOTHING_YET = { identity: undefined, number: 0, metAt: 0 };
/** How far a file is sought above the number at which it was met: it may have been removed, or moved away by hand. */
const FARTHEST = 16;

/** Opens the generations of the log at `path`. */
export function generationsOf(path: string): OpenGeneration {
  return async (number) =>
    (await openPart(generation(path, number))) ??
    (number === 0 ? undefined : await openPacked(packedGeneration(path, number)));
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
  let packed: Set<string> | undefined;
  for (const part of upwards.toReversed()) {
    const { size, nlink } = await part.file.stat();
    const there = nlink > 0 || part === oldest;
    if (!there) packed ??= await identitiesFrom(openAt);
    // One removed meanwhile is older than all that remain, unless it was compressed; the order of two such is not known, so that
    // one only is kept.
    (there || packed?.has(part.identity) ? parts : removed).push(part.packed ? part : { ...part, size });
  }
  opened.move();
  for (const part of removed) await part[Symbol.asyncDispose]();
  return parts;
}

/** The identities of all files that are there now. */
async function identitiesFrom(openAt: OpenGeneration): Promise<Set<string>> {
  await using opened = new AsyncDisposableStack();
  return new Set((await lookUpwards(openAt, opened, undefined)).map(({ identity }) => identity));
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
      const settled = (await identityAt(openAt, last.number)) === last.identity;
      if (settled || number - last.metAt > FARTHEST) break;
      last = { ...last, number: last.number + 1 };
      number = last.number;
    }
  }
  return [...met.values()];
}

async function identityAt(openAt: OpenGeneration, number: number): Promise<string | undefined> {
  await using part = await openAt(number);
  return part?.identity;
}

async function openPart(path: string): Promise<LogPart | undefined> {
  return opening(path, async (file) => {
    const stats = await file.stat({ bigint: true });
    return { file, identity: identityOf(stats), size: Number(stats.size) };
  });
}

/** A compressed file; undefined when it is none that our writer has made. */
async function openPacked(path: string): Promise<LogPart | undefined> {
  return opening(path, async (file) => {
    const { label, dataAt } = (await readLabel(file)) ?? {};
    if (label === undefined || dataAt === undefined) return undefined;
    const packed = { dataAt, ...(label.newest !== undefined && { newest: label.newest }) };
    return { file, identity: label.file, size: Number.POSITIVE_INFINITY, packed };
  });
}

async function opening(
  path: string,
  describe: (file: FileHandle) => Promise<Omit<LogPart, keyof AsyncDisposable> | undefined>,
): Promise<LogPart | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  await using opened = new AsyncDisposableStack();
  opened.defer(() => file.close());
  const part = await describe(file);
  if (part === undefined) return undefined;
  const held = opened.move();
  return { ...part, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The files a log consists of, opened for reading. */

import { type FileHandle, open } from "node:fs/promises";
import { isAbsent } from "../std/absent.ts";
import { generation } from "./_rotate.ts";

/** One file of a log. Its name may change while it is open; its inode does not. */
export interface LogPart extends AsyncDisposable {
  file: FileHandle;
  inode: number;
  /** Bytes in it when it was opened. */
  size: number;
}

/**
 * Opens the files of the log at `path`, oldest first; with `after`, those that are newer than the file of that inode, and all
 * when that one has been removed. Rotation may go on meanwhile: no file is given twice, and none between two is left out.
 */
export async function openParts(path: string, after?: number): Promise<LogPart[]> {
  await using opened = new AsyncDisposableStack();
  const parts = new Map<number, LogPart>();
  for (let number = 0; ; number += 1) {
    const part = await openPart(generation(path, number));
    if (part === undefined && number > 0) break;
    if (part === undefined) continue;
    const known = parts.has(part.inode);
    if (part.inode !== after && !known) parts.set(part.inode, opened.use(part));
    else await part[Symbol.asyncDispose]();
    if (part.inode === after) break;
  }
  opened.move();
  return [...parts.values()].reverse();
}

async function openPart(path: string): Promise<LogPart | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  const { ino, size } = await file.stat();
  return { file, inode: ino, size, [Symbol.asyncDispose]: () => file.close() };
}

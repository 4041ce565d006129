/** The names of a log and its predecessors: `NAME`, then `NAME.1` (the newest before it), `NAME.2` and so on. */

import { renameSync, rmSync } from "node:fs";
import { isAbsent } from "../std/absent.ts";

/** The path of generation `number`; 0 is the log being written. */
export function generation(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/** Moves every file one generation back, so that `path` is free; what would be generation `maxFiles` is removed. */
export function shiftGenerations(path: string, maxFiles: number): void {
  rmSync(generation(path, Math.max(maxFiles - 1, 0)), { force: true });
  for (let number = maxFiles - 2; number >= 0; number -= 1) {
    renameIfThere(generation(path, number), generation(path, number + 1));
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** The names of a log and its predecessors: `NAME`, then `NAME.1` (the newest before it), `NAME.2` and so on. */

import { existsSync } from "node:fs";

/** One rename of a rotation; it replaces what stands at `to`. */
export interface Move {
  from: string;
  to: string;
}

/** The path of generation `number`; 0 is the log being written. */
export function generation(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/** Where the next file of the log is made before it takes its place. */
export function successor(path: string): string {
  return `${path}.new`;
}

/**
 * The renames, in their order, that move each file one generation back and put the successor at `path`; at most `maxFiles`
 * remain. They begin at the first free number, so after each of them one number at the most is free below the last: readers
 * count on it, and what a writer killed between two of them leaves is put right by the next rotation.
 */
export function rotation(path: string, maxFiles: number): Move[] {
  const moves: Move[] = [];
  for (let number = firstFree(path, maxFiles - 1) - 1; number >= 0; number -= 1)
    moves.push({ from: generation(path, number), to: generation(path, number + 1) });
  return [...moves, { from: successor(path), to: path }];
}

/** The first number that no file has, or `most`. */
function firstFree(path: string, most: number): number {
  let number = 0;
  while (number < most && existsSync(generation(path, number))) number += 1;
  return number;
}

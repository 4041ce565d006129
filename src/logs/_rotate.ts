/**
 * The names of a log and its predecessors: `NAME`, then `NAME.1` (the newest before it), `NAME.2` and so on; `NAME.1.gz` where that
 * one is compressed.
 */

import { existsSync, renameSync, rmSync } from "node:fs";

/** One step of a rotation; a rename replaces what stands at `to`. */
export type Step = { from: string; to: string } | { remove: string };

export function carryOut(step: Step): void {
  if ("remove" in step) rmSync(step.remove, { force: true });
  else renameSync(step.from, step.to);
}

/** The path of generation `number`; 0 is the log being written. */
export function generation(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/** The same where it is compressed. */
export function packedGeneration(path: string, number: number): string {
  return `${generation(path, number)}.gz`;
}

/** Where the next file of the log is made before it takes its place. */
export function successor(path: string): string {
  return `${path}.new`;
}

/**
 * The steps, in their order, that move each file one generation back and put the successor at `path`; at most `maxFiles`
 * remain. They begin at the first free number, so after each of them one number at the most is free below the last: readers
 * count on it, and what a writer killed between two of them leaves is put right by the next rotation.
 */
export function rotation(path: string, maxFiles: number): Step[] {
  const steps: Step[] = [];
  const last = maxFiles - 1;
  const free = firstFree(path, last);
  if (free === last && last > 0 && existsSync(packedGeneration(path, last)))
    steps.push({ remove: packedGeneration(path, last) });
  for (let number = free - 1; number > 0; number -= 1) {
    for (const name of [generation, packedGeneration]) {
      if (existsSync(name(path, number)))
        steps.push({ from: name(path, number), to: name(path, number + 1) });
    }
  }
  if (free > 0) steps.push({ from: path, to: generation(path, 1) });
  return [...steps, { from: successor(path), to: path }];
}

/** The first number that no file has, or `most`. */
function firstFree(path: string, most: number): number {
  let number = 0;
  while (number < most && isTaken(path, number)) number += 1;
  return number;
}

function isTaken(path: string, number: number): boolean {
  return existsSync(generation(path, number)) || existsSync(packedGeneration(path, number));
}

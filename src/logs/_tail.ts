/** Finds where the last lines of a log begin, from its end, so that a long log is not read for its tail. */

import type { LogPart } from "./_generations.ts";

const BLOCK = 64 * 1024;
const NEWLINE = 10;

/** A place in a list of parts: which part, and the byte in it. */
export interface Place {
  part: number;
  offset: number;
}

/** Where the last `count` lines of `parts` (oldest first) begin. A last line without an end is not counted. */
export async function startOfTail(parts: readonly LogPart[], count: number): Promise<Place> {
  const block = new Uint8Array(BLOCK);
  let left = count;
  for (let part = parts.length - 1; part >= 0; part -= 1) {
    const { file, size } = parts[part] as LogPart;
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - BLOCK);
      const { bytesRead } = await file.read(block, 0, end - start, start);
      for (let at = lastNewline(block, bytesRead); at >= 0; at = lastNewline(block, at)) {
        if (left === 0) return { part, offset: start + at + 1 };
        left -= 1;
      }
      end = start;
    }
  }
  return { part: 0, offset: 0 };
}

/** The last newline before `end`, or -1. */
function lastNewline(block: Uint8Array, end: number): number {
  return end === 0 ? -1 : block.lastIndexOf(NEWLINE, end - 1);
}

/** Finds where the last lines of a log begin, from its end, so that a long log is not read for its tail. */

import type { LogPart } from "./_generations.ts";
import { sourceOf } from "./_source.ts";

const BLOCK = 64 * 1024;
const NEWLINE = 10;

/** A place in a list of parts: which part, and the byte in it. */
export interface Place {
  part: number;
  offset: number;
}

/** Where the last `count` lines of `parts` (oldest first) begin. A last line without an end is not counted. */
export async function startOfTail(parts: readonly LogPart[], count: number): Promise<Place> {
  let left = count;
  for (const [index, part] of [...parts.entries()].reverse()) {
    const found = part.packed === undefined ? await fromEnd(part, left) : await fromBeginning(part, left);
    if (found.offset !== undefined) return { part: index, offset: found.offset };
    left -= found.lines;
  }
  return { part: 0, offset: 0 };
}

/** Where the last lines of a part begin, or how many it has, when it has no more than that. */
interface Found {
  lines: number;
  offset?: number;
}

async function fromEnd({ file, size }: LogPart, count: number): Promise<Found> {
  const block = new Uint8Array(BLOCK);
  let lines = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let at = lastNewline(block, bytesRead); at >= 0; at = lastNewline(block, at)) {
      if (lines === count) return { lines, offset: start + at + 1 };
      lines += 1;
    }
    end = start;
  }
  return { lines };
}

/** What is compressed is read forwards: once to count, and again to the place. */
async function fromBeginning(part: LogPart, count: number): Promise<Found> {
  const { lines } = await afterLines(part, Number.POSITIVE_INFINITY);
  if (lines <= count) return { lines };
  return { lines: count, offset: (await afterLines(part, lines - count)).offset };
}

/** The place behind so many lines, or behind all. */
async function afterLines(part: LogPart, count: number): Promise<{ lines: number; offset: number }> {
  const source = sourceOf(part);
  const block = new Uint8Array(BLOCK);
  let lines = 0;
  for (let position = 0; ; ) {
    const bytesRead = await source(block, position);
    if (bytesRead === 0) return { lines, offset: position };
    const bytes = block.subarray(0, bytesRead);
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
      lines += 1;
      if (lines === count) return { lines, offset: position + at + 1 };
    }
    position += bytesRead;
  }
}

/** The last newline before `end`, or -1. */
function lastNewline(block: Uint8Array, end: number): number {
  return end === 0 ? -1 : block.lastIndexOf(NEWLINE, end - 1);
}

/**
 * Finds where in a log the records of a time begin, without reading what is before.
 *
 * Times rise within a file but where the clock was set back, and those places are noted (_jumps.ts): between them a place is found by
 * halving. It is found roughly: whoever reads passes over the few records before the time.
 */

import type { FileHandle } from "node:fs/promises";
import type { LogPart } from "./_generations.ts";
import type { Jump } from "./_jumps.ts";
import { recordTime } from "./_record_time.ts";

/** Bytes of a part to read, up to `to`. */
export interface Span {
  part: LogPart;
  from: number;
  to: number;
}

/** Below this many bytes reading is as quick as searching. */
const CLOSE = 128 * 1024;
const NEWLINE = 10;

/** What of a span may be of `since` or later; `since` is without zone. The last piece ends where the span does. */
export async function spansSince(
  span: Span,
  since: string,
  jumps: readonly Jump[] | "unknown",
): Promise<Span[]> {
  const { part, from, to } = span;
  if (part.packed !== undefined) {
    const old = part.packed.newest !== undefined && part.packed.newest < since;
    return old ? [] : [span];
  }
  if (jumps === "unknown") return [span];
  const inside = jumps.filter(({ file, offset }) => file === part.identity && offset > from && offset < to);
  const borders = [from, ...inside.map(({ offset }) => offset).sort((one, other) => one - other), to];
  const spans: Span[] = [];
  for (const [index, end] of borders.slice(1).entries()) {
    const start = await firstSince(part.file, { from: borders[index] ?? from, to: end }, since);
    if (start < end || end === to) spans.push({ part, from: start, to: end });
  }
  return spans;
}

/** A place before which all records are older than `since`, in bytes whose times rise. */
async function firstSince(
  file: FileHandle,
  { from, to }: { from: number; to: number },
  since: string,
): Promise<number> {
  let [low, high] = [from, to];
  while (high - low > CLOSE) {
    const middle = low + Math.floor((high - low) / 2);
    const found = await recordBehind(file, middle, high);
    if (found === undefined || found.time >= since) high = middle;
    else low = found.at;
  }
  return low;
}

/** The first record that begins behind `from`; undefined when none begins before `to`. */
async function recordBehind(
  file: FileHandle,
  from: number,
  to: number,
): Promise<{ at: number; time: string } | undefined> {
  for (let length = 4096; ; length *= 4) {
    const block = new Uint8Array(length);
    const { bytesRead } = await file.read(block, 0, length, from);
    const bytes = block.subarray(0, bytesRead);
    let start = bytes.indexOf(NEWLINE) + 1;
    while (start > 0 && from + start < to) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      const time = recordTime(bytes.subarray(start, end));
      if (time !== undefined) return { at: from + start, time };
      start = end + 1;
    }
    if (bytesRead < length || from + start >= to) return undefined;
  }
}

/**
 * Reads a json-file log: all of it or its tail, and on as it grows.
 *
 * Reading starts at the tail without reading what is before it, goes on over rotation, and does not hold up the writer.
 * A line that is no record (torn by a crash) is left out.
 */

import { type LogPart, openParts } from "./_generations.ts";
import { type Growth, watchGrowth } from "./_growth.ts";
import { LineReader } from "./_lines.ts";
import { type RenderOptions, renderer } from "./_render.ts";
import { type Place, startOfTail } from "./_tail.ts";
import type { LogPosition } from "./writer.ts";

export interface ReadOptions extends RenderOptions {
  /** Number of last records, or all. Records that `since`, `until` and the streams leave out count, as in Docker. */
  tail: number | "all";
  /** Stop here: where live output takes over. */
  stopAt?: LogPosition;
  /** Go on as the log grows, until this settles and all that was written by then has been given. */
  followUntil?: Promise<unknown>;
  /** Ends a read that follows; the generator returns. */
  signal?: AbortSignal;
}

/**
 * The output that the log at `path` holds, many records in one piece. A log that does not exist is empty.
 *
 *     for await (const bytes of readLog(path, { ...options, tail: 100, followUntil: exited })) response.write(bytes);
 */
export async function* readLog(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
  const render = renderer(options);
  for await (const lines of wholeLines(path, options)) {
    const { bytes, done } = render(lines);
    if (bytes.length > 0) yield bytes;
    if (done) return;
  }
}

async function* wholeLines(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
  await using open = new AsyncDisposableStack();
  const { followUntil: ended } = options;
  using growth = ended === undefined ? undefined : watchGrowth(path, { ...options, ended });
  const parts = upTo(await openAll(path, open), options.stopAt);
  const start = await startOf(parts, options.tail);
  let reader: LineReader | undefined;
  for (const [index, part] of parts.entries()) {
    if (index < start.part) continue;
    reader = new LineReader(part, index === start.part ? start.offset : 0);
    yield* available(reader, part.size);
  }
  if (growth !== undefined) yield* grown(path, { reader, growth, open });
}

async function openAll(path: string, open: AsyncDisposableStack, after?: number): Promise<LogPart[]> {
  const parts = await openParts(path, after);
  for (const part of parts) open.use(part);
  return parts;
}

/** The parts before a position; the one it is in appears to end there. */
function upTo(parts: LogPart[], position: LogPosition | undefined): LogPart[] {
  if (position === undefined) return parts;
  const last = parts.findIndex((part) => part.inode === position.file);
  return parts
    .slice(0, last + 1)
    .map((part, index) => (index === last ? { ...part, size: position.offset } : part));
}

async function startOf(parts: LogPart[], tail: number | "all"): Promise<Place> {
  return tail === "all" ? { part: 0, offset: 0 } : startOfTail(parts, tail);
}

async function* available(reader: LineReader, limit: number): AsyncGenerator<Uint8Array, void> {
  for (let lines = await reader.next(limit); lines !== undefined; lines = await reader.next(limit))
    yield lines;
}

/** What is written from now on, over any number of rotations. */
async function* grown(
  path: string,
  { reader, growth, open }: { reader: LineReader | undefined; growth: Growth; open: AsyncDisposableStack },
): AsyncGenerator<Uint8Array, void> {
  let current = reader;
  for (;;) {
    const last = growth.over;
    if (current !== undefined) yield* available(current, Number.POSITIVE_INFINITY);
    const newer = await openAll(path, open, current?.part.inode);
    if (newer.length > 0 && current !== undefined) {
      // Rotated: nothing is added to the old file any more, so what it holds now is the rest of it.
      yield* available(current, Number.POSITIVE_INFINITY);
      await current.part[Symbol.asyncDispose]();
    }
    for (const part of newer) {
      current = new LineReader(part, 0);
      yield* available(current, Number.POSITIVE_INFINITY);
    }
    if (newer.length > 0) continue;
    if (last) return;
    await growth.next();
  }
}

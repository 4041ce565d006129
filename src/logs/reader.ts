/**
 * Reads a json-file log: all of it, its tail or what is of a time, and on as it grows.
 *
 * Reading starts at the tail or the time without reading what is before, goes on over rotation, and does not hold up the writer.
 * A line that is no record (torn by a crash) is left out.
 */

import { generationsOf, type LogPart, openParts } from "./_generations.ts";
import { type Growth, watchGrowth } from "./_growth.ts";
import { readJumps } from "./_jumps.ts";
import { LineReader } from "./_lines.ts";
import { boundOf, type RenderOptions, renderer } from "./_render.ts";
import { type Span, spansSince } from "./_since.ts";
import { startOfTail } from "./_tail.ts";
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
  await using held = new HeldFiles();
  const { followUntil: ended } = options;
  using growth = ended === undefined ? undefined : watchGrowth(path, { ...options, ended });
  const all = await openParts(generationsOf(path));
  held.exchange(all);
  let reader: LineReader | undefined;
  for (const { part, from, to } of await spansOf(path, upTo(all, options.stopAt), options)) {
    reader = new LineReader(part, from);
    yield* available(reader, to);
  }
  if (growth !== undefined) yield* grown(path, { reader, growth, held });
}

/** The files that are open for a read. */
class HeldFiles implements AsyncDisposable {
  #files = new AsyncDisposableStack();

  /** Holds `parts` from now on, and hands over those held so far. */
  exchange(parts: readonly LogPart[]): AsyncDisposableStack {
    const former = this.#files;
    this.#files = new AsyncDisposableStack();
    for (const part of parts) this.#files.use(part);
    return former;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#files.disposeAsync();
  }
}

/** The parts before a position; the one it is in appears to end there. */
function upTo(parts: LogPart[], position: LogPosition | undefined): LogPart[] {
  if (position === undefined) return parts;
  const last = parts.findIndex((part) => part.identity === position.file);
  return parts
    .slice(0, last + 1)
    .map((part, index) => (index === last ? { ...part, size: position.offset } : part));
}

/** What is to be read of the parts there are now; what is read last is the end of the newest. */
async function spansOf(path: string, parts: LogPart[], { tail, since }: ReadOptions): Promise<Span[]> {
  const start = tail === "all" ? { part: 0, offset: 0 } : await startOfTail(parts, tail);
  const spans = parts
    .slice(start.part)
    .map((part, index) => ({ part, from: index === 0 ? start.offset : 0, to: part.size }));
  const bound = boundOf(since);
  if (bound === undefined) return spans;
  const jumps = await readJumps(path);
  return (await Promise.all(spans.map((span) => spansSince(span, bound, jumps)))).flat();
}

async function* available(reader: LineReader, limit: number): AsyncGenerator<Uint8Array, void> {
  for (let lines = await reader.next(limit); lines !== undefined; lines = await reader.next(limit))
    yield lines;
}

/** What is written from now on, over any number of rotations. */
async function* grown(
  path: string,
  { reader, growth, held }: { reader: LineReader | undefined; growth: Growth; held: HeldFiles },
): AsyncGenerator<Uint8Array, void> {
  let current = reader;
  for (;;) {
    const last = growth.over;
    if (current !== undefined) yield* available(current, Number.POSITIVE_INFINITY);
    const newer = await openParts(generationsOf(path), current?.part.identity);
    if (newer.length === 0) {
      if (last) return;
      await growth.next();
      continue;
    }
    await using _former = held.exchange(newer);
    // Rotated: nothing is added to the old file any more, so what it holds now is the rest of it.
    if (current !== undefined) yield* available(current, Number.POSITIVE_INFINITY);
    for (const part of newer) {
      current = new LineReader(part, 0);
      yield* available(current, Number.POSITIVE_INFINITY);
    }
  }
}

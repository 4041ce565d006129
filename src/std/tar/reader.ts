/**
 * Reads tar archives as they arrive: V7, ustar, pax, GNU (long names, base-256 numbers, sparse files in all four forms), star.
 *
 * Lifecycle: push chunks of any size, then finish. The sink hears of an entry, of the stored runs of its bytes, and of its
 * end, before the push that completed them returns; an exception of the sink comes out of push and ends the reading.
 *
 * Input is hostile: checksums are verified, and memory is bounded whatever the archive says (extended headers 1 MiB, sparse
 * maps 2^18 runs, nothing kept from entry to entry but global records). What names mean is for the sink to judge.
 *
 * Example:
 *
 *     const reader = tarReader({ entry: (e) => console.log(tarNameText(e.path)), data: () => {}, end: () => {} });
 *     for await (const chunk of stream) reader.push(chunk);
 *     reader.finish();
 */

import { FathomError } from "../errors.ts";
import { BLOCK, damaged } from "./_fields.ts";
import { type Header, isZero, parseHeader } from "./_header.ts";
import { type PaxRecord, parsePax, paxNumber, paxText, paxTime, paxValues, paxXattrs } from "./_pax.ts";
import { addExtension, checkedRuns, mapReader, oldGnuSparse, paxRuns } from "./_sparse.ts";
import { type TarEntry, type TarRun, type TarType, tarNameText } from "./entry.ts";

export interface TarSink {
  entry(entry: TarEntry): void;
  /** Bytes of the current file and where they belong in it. The memory is borrowed: it holds only during the call. */
  data(bytes: Uint8Array, offset: number): void;
  end(): void;
}

export interface TarReader {
  /** @throws {FathomError} invalid, when the archive is damaged; and what the sink throws. */
  push(chunk: Uint8Array): void;
  /** @throws {FathomError} invalid, when the archive ends in the middle of an entry. */
  finish(): void;
}

/** Most bytes of an extended header or a long name. */
const LARGEST_EXTENSION = 1024 * 1024;

/**
 * What the routine below waits for: a block or more in one piece (a positive number of bytes), or any part of a run
 * (negative). It goes on with those bytes, which are borrowed.
 */
type Routine<T> = Generator<number, T, Uint8Array>;

export function tarReader(sink: TarSink): TarReader {
  const state = { betweenEntries: true };
  const routine = archive(sink, state);
  let wanted = routine.next().value;
  let held: { bytes: Uint8Array; length: number } | undefined;
  /** Takes what it can of `chunk` from `at` on, goes on with the routine when that is enough, and gives the bytes taken. */
  const feed = (chunk: Uint8Array, at: number): number => {
    const rest = chunk.length - at;
    if (held === undefined && rest >= wanted) {
      const size = wanted < 0 ? Math.min(rest, -wanted) : wanted;
      wanted = routine.next(chunk.subarray(at, at + size)).value;
      return size;
    }
    held ??= { bytes: new Uint8Array(wanted), length: 0 };
    const size = Math.min(rest, wanted - held.length);
    held.bytes.set(chunk.subarray(at, at + size), held.length);
    held.length += size;
    if (held.length < wanted) return size;
    const { bytes } = held;
    held = undefined;
    wanted = routine.next(bytes).value;
    return size;
  };
  return {
    push(chunk) {
      for (let at = 0; at < chunk.length; ) at += feed(chunk, at);
    },
    finish() {
      if (held !== undefined || !state.betweenEntries)
        throw damaged("it ends in the middle (unexpected EOF)");
    },
  };
}

/** Everything behind the archive's end is read and ignored. */
function* archive(sink: TarSink, state: { betweenEntries: boolean }): Routine<never> {
  let global: readonly PaxRecord[] = [];
  for (;;) {
    const pending = noExtensions(global);
    let block = yield BLOCK;
    state.betweenEntries = false;
    if (isZero(block)) {
      state.betweenEntries = true;
      block = yield BLOCK;
      if (!isZero(block)) throw damaged("a single zero block stands between entries");
      for (;;) yield -Number.MAX_SAFE_INTEGER;
    }
    let header = parseHeader(block);
    while (yield* extension(header, pending)) {
      block = yield BLOCK;
      if (isZero(block)) throw damaged("an extended header has no entry behind it");
      header = parseHeader(block);
    }
    global = pending.global;
    yield* entry(header, block.slice(), { pending, sink });
    state.betweenEntries = true;
  }
}

/** What extended headers said of the entry to come. */
interface Extensions {
  global: readonly PaxRecord[];
  records: readonly PaxRecord[];
  longName?: Uint8Array;
  longLink?: Uint8Array;
}

function noExtensions(global: readonly PaxRecord[]): Extensions {
  return { global, records: [] };
}

/** Reads the header's data where it describes the entry to come; false when it is that entry. */
function* extension(header: Header, pending: Extensions): Routine<boolean> {
  switch (header.type) {
    case "x":
    case "X":
      pending.records = parsePax(yield* body(header));
      return true;
    case "g":
      pending.global = mergeGlobal(pending.global, parsePax(yield* body(header)));
      return true;
    case "L":
      pending.longName = untilNul(yield* body(header));
      return true;
    case "K":
      pending.longLink = untilNul(yield* body(header));
      return true;
    case "V":
      // A volume's label names no file.
      yield* skip(padded(header.size));
      return true;
    default:
      return false;
  }
}

function mergeGlobal(before: readonly PaxRecord[], now: readonly PaxRecord[]): readonly PaxRecord[] {
  const merged = [...paxValues([...before, ...now])];
  const size = merged.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size > LARGEST_EXTENSION) throw damaged("its global extended headers are too large");
  return merged;
}

function* body(header: Header): Routine<Uint8Array> {
  if (header.size < 0 || header.size > LARGEST_EXTENSION) throw damaged("an extended header is too large");
  if (header.size === 0) return new Uint8Array(0);
  const data = yield padded(header.size);
  return data.subarray(0, header.size);
}

function untilNul(data: Uint8Array): Uint8Array {
  const nul = data.indexOf(0);
  return data.slice(0, nul < 0 ? data.length : nul);
}

/** Hands an entry with its data to the sink. */
function* entry(
  header: Header,
  block: Uint8Array,
  { pending, sink }: { pending: Extensions; sink: TarSink },
): Routine<void> {
  const values = paxValues([...pending.global, ...pending.records]);
  const made = entryOf(header, pending, values);
  let stored = values.has("size") ? numberOf(values, "size") : header.size;
  if (stored < 0 || made.uid < 0 || made.gid < 0) throw damaged("a size or owner is negative");
  if (!STORES_DATA.has(header.type)) stored = 0;
  if (made.type !== "file") {
    sink.entry(made);
    yield* skip(padded(stored));
    sink.end();
    return;
  }
  const layout = yield* layoutOf(block, { pending, values, stored });
  sink.entry({ ...made, size: layout.size });
  yield* data(layout.runs, sink);
  yield* skip(layout.trailing);
  sink.end();
}

/** Types behind whose header the size says how much data stands; for all others it means nothing (GNU tar, Go). */
const STORES_DATA: ReadonlySet<string> = new Set(["0", "\0", "7", "S", "D"]);

function entryOf(header: Header, pending: Extensions, values: ReadonlyMap<string, Uint8Array>): TarEntry {
  const path = values.get("GNU.sparse.name") ?? values.get("path") ?? pending.longName ?? header.name;
  const linkPath = values.get("linkpath") ?? pending.longLink ?? header.linkName;
  if (path.includes(0) || linkPath.includes(0)) throw damaged("a name holds a NUL byte");
  const mtime = values.get("mtime");
  return {
    type: typeOf(header.type, path),
    path,
    linkPath,
    mode: header.mode,
    uid: values.has("uid") ? numberOf(values, "uid") : header.uid,
    gid: values.has("gid") ? numberOf(values, "gid") : header.gid,
    size: 0,
    mtime: mtime === undefined ? BigInt(header.mtime) * 1_000_000_000n : paxTime(mtime),
    device: { major: header.major, minor: header.minor },
    xattrs: paxXattrs(values),
  };
}

function numberOf(values: ReadonlyMap<string, Uint8Array>, key: string): number {
  return paxNumber(values.get(key) ?? new Uint8Array(0));
}

const SLASH = 0x2f;

function typeOf(flag: string, path: Uint8Array): TarType {
  switch (flag) {
    case "0":
    case "\0":
      // V7 knew no type for directories.
      return path.at(-1) === SLASH ? "directory" : "file";
    case "7":
    case "S":
      return "file";
    case "1":
      return "link";
    case "2":
      return "symlink";
    case "3":
      return "character";
    case "4":
      return "block";
    case "5":
    case "D":
      return "directory";
    case "6":
      return "fifo";
    default:
      throw new FathomError(
        "unsupported",
        `the archive's entry ${JSON.stringify(tarNameText(path))} is of type ${JSON.stringify(flag)}, which cannot be unpacked`,
      );
  }
}

/** Where a file's stored bytes belong, its size, and the bytes behind them that fill up the last block. */
interface Layout {
  runs: TarRun[];
  size: number;
  trailing: number;
}

function* layoutOf(
  block: Uint8Array,
  file: { pending: Extensions; values: ReadonlyMap<string, Uint8Array>; stored: number },
): Routine<Layout> {
  const { pending, values, stored } = file;
  if (String.fromCharCode(block[156] ?? 0) === "S") {
    const { runs, realSize, extended } = oldGnuSparse(block);
    for (let more = extended; more; ) more = addExtension(runs, yield BLOCK);
    return sparseLayout(runs, realSize, stored);
  }
  if (isSparse10(values)) {
    const map = mapReader();
    let left = stored;
    for (;;) {
      if (left < BLOCK) throw damaged("the map of a sparse file is cut short");
      const runs = map.add(yield BLOCK);
      left -= BLOCK;
      if (runs !== undefined) return sparseLayout(runs, numberOf(values, "GNU.sparse.realsize"), left);
    }
  }
  const runs = paxRuns(pending.records);
  if (runs !== undefined) return sparseLayout(runs, numberOf(values, "GNU.sparse.size"), stored);
  return { runs: [{ offset: 0, length: stored }], size: stored, trailing: padded(stored) - stored };
}

function isSparse10(values: ReadonlyMap<string, Uint8Array>): boolean {
  const major = values.get("GNU.sparse.major");
  if (major === undefined || paxText(major) === "0") return false;
  if (paxText(major) === "1" && paxText(values.get("GNU.sparse.minor") ?? major) === "0") return true;
  throw new FathomError("unsupported", "the archive has sparse files in a format newer than GNU tar's 1.0");
}

function sparseLayout(listed: readonly TarRun[], size: number, stored: number): Layout {
  const runs = checkedRuns(listed, size);
  const used = runs.reduce((sum, run) => sum + run.length, 0);
  if (used !== stored) throw damaged("the map of a sparse file does not fit its data");
  return { runs, size, trailing: padded(stored) - stored };
}

function* data(runs: readonly TarRun[], sink: TarSink): Routine<void> {
  for (const { offset, length } of runs) {
    for (let done = 0; done < length; ) {
      const bytes = yield done - length;
      sink.data(bytes, offset + done);
      done += bytes.length;
    }
  }
}

function* skip(length: number): Routine<void> {
  for (let left = length; left > 0; ) left -= (yield -left).length;
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/**
 * Writes a json-file log: one JSON object a line, `{"log":"…\n","stream":"stdout","time":"…"}`.
 *
 * A record is a line of output, or 16 KiB of one that is longer; a piece that does not end its line has no `\n`. Docker cuts
 * there even inside a character and so loses it; here the cut is before that character. Output that came in one chunk has one
 * time. A chunk is in the file (not on the disk) when `write` returns, but for the line it leaves unfinished.
 *
 * Calls are synchronous: this runs in the shim, which has nothing better to do until the output is kept.
 */

import { closeSync, fstatSync, ftruncateSync, renameSync, writeSync } from "node:fs";
import { rfc3339, wallClock } from "../std/time.ts";
import { characterBoundary } from "../std/utf8.ts";
import { escapeInto, MOST_PER_BYTE } from "./_encode.ts";
import { openEmpty, openMended } from "./_mend.ts";
import { rotation, successor } from "./_rotate.ts";
import { MOST_OF_LINE, UnfinishedLine } from "./_unfinished.ts";

export type OutputStream = "stdout" | "stderr";

export interface LogFileOptions {
  path: string;
  /** Bytes after which a new file is begun; no bound when 0 or less. */
  maxSize: number;
  /** How many files there are at most, the current one included. */
  maxFiles: number;
  /** Kept with every record, for `logs --details`. */
  attributes?: Readonly<Record<string, string>>;
  /** Told when records could not be written (disk full) and how many bytes of log were lost. */
  onLoss?: (error: Error, bytes: number) => void;
}

/** A byte of the log: which file (its inode, as rotation changes names) and where in it. */
export interface LogPosition {
  file: number;
  offset: number;
}

/** Room for many records, so that a chunk takes few writes; it grows to hold one long record. */
const BUFFER = 64 * 1024;
const NEWLINE = 10;

const encoder = new TextEncoder();
const HEAD_TEXT = '{"log":"';
const HEAD = encoder.encode(HEAD_TEXT);

/** One program's log file, open for appending. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  readonly #attributes: string;
  readonly #unfinished = new Map<OutputStream, UnfinishedLine>();
  #fd = -1;
  #inode = 0;
  #size = 0;
  /** The size at which the next file is begun. */
  #limit = Number.POSITIVE_INFINITY;
  #buffer = new Uint8Array(0);
  #filled = 0;
  /** Where the buffer holds the head of a record behind its last one. */
  #headAt = -1;

  /** Opens or makes the file and cuts off a torn last record (of a shim that was killed while it wrote). */
  constructor(options: LogFileOptions) {
    this.#options = options;
    const { attributes } = options;
    const some = attributes !== undefined && Object.keys(attributes).length > 0;
    this.#attributes = some ? `"attrs":${JSON.stringify(attributes)},` : "";
    this.#use(openMended(options.path));
  }

  /** Where the next record will stand. */
  get position(): LogPosition {
    return { file: this.#inode, offset: this.#size };
  }

  /** What was written to `stream` behind its last record: the line it has begun. Valid until the next write. */
  unfinished(stream: OutputStream): Uint8Array {
    return this.#unfinished.get(stream)?.bytes ?? new Uint8Array(0);
  }

  /** Appends output; whole lines are in the file when it returns. */
  write(stream: OutputStream, chunk: Uint8Array): void {
    const tails = this.#tailsOf(stream);
    const line = this.#lineOf(stream);
    let from = line.length === 0 ? 0 : this.#complete(line, chunk, tails);
    while (from < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, from);
      const end = newline < 0 ? chunk.length : newline;
      if (end - from >= MOST_OF_LINE) {
        const cut = characterBoundary(chunk, from + MOST_OF_LINE);
        this.#record({ bytes: chunk, from, to: cut, ended: false }, tails);
        from = cut;
      } else if (newline < 0) {
        line.append(chunk.subarray(from));
        break;
      } else {
        this.#record({ bytes: chunk, from, to: newline, ended: true }, tails);
        from = newline + 1;
      }
    }
    this.#flush();
  }

  /** Writes down the line that `stream` left unfinished; for its end. */
  end(stream: OutputStream): void {
    const line = this.#lineOf(stream);
    if (line.length === 0) return;
    this.#record({ bytes: line.bytes, from: 0, to: line.length, ended: false }, this.#tailsOf(stream));
    line.clear();
    this.#flush();
  }

  /** Ends both streams and closes the file. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    this.end("stdout");
    this.end("stderr");
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #lineOf(stream: OutputStream): UnfinishedLine {
    const known = this.#unfinished.get(stream);
    if (known !== undefined) return known;
    const line = new UnfinishedLine();
    this.#unfinished.set(stream, line);
    return line;
  }

  /** Goes on with a line begun earlier; gives the index in `chunk` behind what it took. */
  #complete(line: UnfinishedLine, chunk: Uint8Array, tails: Tails): number {
    const room = MOST_OF_LINE - line.length;
    const newline = chunk.subarray(0, room).indexOf(NEWLINE);
    const taken = newline < 0 ? Math.min(room, chunk.length) : newline;
    line.append(chunk.subarray(0, taken));
    if (newline >= 0) {
      this.#record({ bytes: line.bytes, from: 0, to: line.length, ended: true }, tails);
      line.clear();
      return newline + 1;
    }
    if (line.length < MOST_OF_LINE) return taken;
    const cut = characterBoundary(line.bytes, line.length);
    this.#record({ bytes: line.bytes, from: 0, to: cut, ended: false }, tails);
    line.keepFrom(cut);
    return line.length === 0 ? taken : taken + this.#complete(line, chunk.subarray(taken), tails);
  }

  #tailsOf(stream: OutputStream): Tails {
    const tail = `","stream":"${stream}",${this.#attributes}"time":"${rfc3339(wallClock())}"}\n`;
    return { ended: encoder.encode(`\\n${tail}${HEAD_TEXT}`), unended: encoder.encode(tail + HEAD_TEXT) };
  }

  #record(piece: Piece, tails: Tails): void {
    if (this.#size + this.#filled >= this.#limit) this.#rotate();
    const tail = piece.ended ? tails.ended : tails.unended;
    const most = HEAD.length + (piece.to - piece.from) * MOST_PER_BYTE + tail.length;
    if (this.#filled + most > this.#buffer.length) this.#flush();
    if (most > this.#buffer.length) this.#buffer = new Uint8Array(Math.max(most, BUFFER));
    if (this.#headAt !== this.#filled) this.#buffer.set(HEAD, this.#filled);
    const end = escapeInto(this.#buffer, this.#filled + HEAD.length, piece);
    this.#buffer.set(tail, end);
    this.#filled = end + tail.length - HEAD.length;
    this.#headAt = this.#filled;
  }

  #flush(): void {
    const bytes = this.#filled;
    this.#filled = 0;
    this.#headAt = -1;
    try {
      writeAll(this.#fd, this.#buffer.subarray(0, bytes));
      this.#size += bytes;
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      this.#lost(error, bytes);
    }
  }

  /** Begins a new file. Where that fails the old one goes on growing: a log too long is better than a gap. */
  #rotate(): void {
    this.#flush();
    const { path, maxSize, maxFiles } = this.#options;
    try {
      const fd = openEmpty(successor(path));
      for (const { from, to } of rotation(path, maxFiles)) renameSync(from, to);
      closeSync(this.#fd);
      this.#use(fd);
    } catch (error) {
      this.#limit = this.#size + maxSize;
      this.#lost(error, 0);
    }
  }

  #use(fd: number): void {
    const { ino, size } = fstatSync(fd);
    this.#fd = fd;
    this.#inode = ino;
    this.#size = size;
    this.#limit = this.#options.maxSize > 0 ? this.#options.maxSize : Number.POSITIVE_INFINITY;
  }

  #lost(error: unknown, bytes: number): void {
    const reason = error instanceof Error ? error : new Error(String(error));
    if (this.#options.onLoss === undefined) throw reason;
    this.#options.onLoss(reason, bytes);
  }
}

/**
 * What follows a record's text, where that ends its line and where it does not. The head of the next record is part of it: one
 * copy instead of three for each record.
 */
interface Tails {
  ended: Uint8Array;
  unended: Uint8Array;
}

/** Part of a line, and whether it holds the line's end. */
interface Piece {
  bytes: Uint8Array;
  from: number;
  to: number;
  ended: boolean;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

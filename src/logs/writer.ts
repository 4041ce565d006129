/**
 * Writes a json-file log: one JSON object a line, `{"log":"…\n","stream":"stdout","time":"…"}`.
 *
 * A record is a line of output, or 16 KiB of one that is longer; a piece that does not end its line has no `\n`. Docker cuts
 * there even inside a character and so loses it; here the cut is before that character. Output that came in one chunk has one
 * time. A chunk is in the file (not on the disk) when `write` returns, but for the line it leaves unfinished.
 *
 * Calls are synchronous: this runs in the shim, which has nothing better to do until the output is kept.
 */

import { closeSync, fstatSync, ftruncateSync, statSync, writeSync } from "node:fs";
import { Clock } from "./_clock.ts";
import type { Compressor } from "./_compress.ts";
import { escapeInto, MOST_PER_BYTE } from "./_encode.ts";
import { identityOf } from "./_identity.ts";
import { forgetJumps, noteJump, readJumpsNow } from "./_jumps.ts";
import { lastRecordTime, openEmpty, openMended } from "./_mend.ts";
import { type OutputStream, type Piece, Pieces } from "./_pieces.ts";
import { carryOut, generation, rotation, successor } from "./_rotate.ts";
import type { FileTarget } from "./target.ts";

export type { OutputStream } from "./_pieces.ts";

export interface LogFileOptions extends FileTarget {
  /** Told when records could not be written (disk full) and how many bytes of log were lost. */
  onLoss?: (error: Error, bytes: number) => void;
  /** Nanoseconds since the epoch, where a test has a clock of its own. */
  now?: () => bigint;
}

/** A byte of the log: which file (its identity, as rotation changes names) and where in it. */
export interface LogPosition {
  file: string;
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
  readonly #pieces = new Pieces();
  readonly #clock: Clock;
  #compressor: Promise<Compressor> | undefined;
  #compressing: Compressor | undefined;
  #fd = -1;
  #identity = "";
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
    this.#attributes = attributesText(options.attributes ?? {});
    this.#clock = new Clock(options.now);
    this.#use(openMended(options.path));
    this.#goOn();
    if (options.compress && this.#rotated().size > 0) this.#compress();
  }

  /** Where the next record will stand. */
  get position(): LogPosition {
    return { file: this.#identity, offset: this.#size };
  }

  /** Whether a rotated file is being compressed. */
  get busy(): boolean {
    return this.#compressing?.busy ?? this.#compressor !== undefined;
  }

  /** What was written to `stream` behind its last record: the line it has begun. Valid until the next write. */
  unfinished(stream: OutputStream): Uint8Array {
    return this.#pieces.unfinished(stream);
  }

  /** Appends output; whole lines are in the file when it returns. */
  write(stream: OutputStream, chunk: Uint8Array): void {
    const tails = this.#tailsOf(stream);
    this.#pieces.cut(stream, chunk, (piece) => this.#record(piece, tails));
    this.#flush();
  }

  /** Writes down the line that `stream` left unfinished; for its end. */
  end(stream: OutputStream): void {
    const tails = this.#tailsOf(stream);
    this.#pieces.end(stream, (piece) => this.#record(piece, tails));
    this.#flush();
  }

  /** Ends both streams and closes the file; nothing is compressed any more. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    this.end("stdout");
    this.end("stderr");
    this.#compressing?.stop();
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Where there are records already, the next are later. */
  #goOn(): void {
    const time = this.#size > 0 ? lastRecordTime(this.#fd, this.#size) : undefined;
    if (time === undefined) return;
    const jumps = readJumpsNow(this.#options.path);
    const ours = jumps === "unknown" ? undefined : jumps.filter(({ file }) => file === this.#identity);
    this.#clock.goOnAfter(
      time,
      ours?.map(({ before }) => before),
    );
  }

  #tailsOf(stream: OutputStream): Tails {
    const { time, jumped } = this.#clock.read();
    if (jumped !== undefined) this.#note({ before: jumped, after: time });
    const tail = `","stream":"${stream}",${this.#attributes}"time":"${time}Z"}\n`;
    return { ended: encoder.encode(`\\n${tail}${HEAD_TEXT}`), unended: encoder.encode(tail + HEAD_TEXT) };
  }

  #note(times: { before: string; after: string }): void {
    try {
      noteJump(this.#options.path, { ...this.position, ...times });
    } catch (error) {
      this.#lost(error, 0);
    }
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

  /** Writes what is in the buffer. On a full disk whole records stay, which readers may have got, and the torn one goes. */
  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    this.#headAt = -1;
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
      this.#size += written;
    } catch (error) {
      const whole = bytes.subarray(0, written).lastIndexOf(NEWLINE) + 1;
      this.#size += whole;
      if (whole < written) ftruncateSync(this.#fd, this.#size);
      this.#lost(error, bytes.length - whole);
    }
  }

  /** Begins a new file. Where that fails the old one goes on growing: a log too long is better than a gap. */
  #rotate(): void {
    this.#flush();
    const { path, maxSize, maxFiles } = this.#options;
    const rotated = { identity: this.#identity, newest: this.#clock.newest };
    try {
      const fd = openEmpty(successor(path));
      for (const step of rotation(path, maxFiles)) carryOut(step);
      closeSync(this.#fd);
      this.#use(fd);
      this.#clock.begin();
      forgetJumps(path, this.#rotated());
      this.#compress(rotated);
    } catch (error) {
      this.#limit = this.#size + maxSize;
      this.#lost(error, 0);
    }
  }

  /** The identities of the files before the current one that are not compressed. */
  #rotated(): Set<string> {
    const { path, maxFiles } = this.#options;
    const identities = new Set<string>();
    for (let number = 1; number < maxFiles; number += 1) {
      const stats = statSync(generation(path, number), { bigint: true, throwIfNoEntry: false });
      if (stats !== undefined) identities.add(identityOf(stats));
    }
    return identities;
  }

  #compress(rotated?: { identity: string; newest: string | undefined }): void {
    if (!this.#options.compress) return;
    const { path, maxFiles } = this.#options;
    const onFailure = (error: unknown): void => this.#lost(error, 0);
    this.#compressor ??= import("./_compress.ts").then(
      ({ Compressor }) => new Compressor({ path, maxFiles, onFailure }),
    );
    void this.#compressor.then((compressor) => {
      this.#compressing = compressor;
      if (this.#fd >= 0) compressor.start(rotated);
    });
  }

  #use(fd: number): void {
    const stats = fstatSync(fd, { bigint: true });
    this.#fd = fd;
    this.#identity = identityOf(stats);
    this.#size = Number(stats.size);
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

/** Go's form of the attributes' JSON: sorted, and escaped as text in HTML is. */
function attributesText(attributes: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1));
  if (sorted.length === 0) return "";
  const text = JSON.stringify(Object.fromEntries(sorted));
  const escaped = text.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"attrs":${escaped},`;
}

/**
 * Records of a log file to what `docker logs` sends: the program's own bytes, with the time or the details before each record
 * where asked, framed where the program had no terminal.
 *
 * Records in the usual form are decoded byte by byte into one buffer for many; any other goes through JSON.parse. A line that
 * is no record is left out.
 */

import type { LogOptions } from "../spec/docker_query.ts";
import { HEADER_LENGTH, putHeader } from "../std/stdcopy.ts";
import { rfc3339 } from "../std/time.ts";
import { unescapeInto } from "./_decode.ts";
import type { OutputStream } from "./writer.ts";

export interface RenderOptions extends Omit<LogOptions, "follow" | "tail"> {
  /** Docker's multiplexed stream, rather than the bytes alone. */
  framed: boolean;
}

/** Output of many records, and whether one was newer than `until`, so that no more need be read. */
export interface Rendered {
  bytes: Uint8Array;
  done: boolean;
}

interface Line {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/** A record, its text already in the output behind the room for a prefix. */
interface Found {
  stream: OutputStream;
  /** `2013-08-25T10:52:22.257575646`, without zeros at the end and without zone; empty where no option needs it. */
  time: string;
  /** Of the text, in the output. */
  end: number;
}

const NEWLINE = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const HEAD = encoder.encode('{"log":"');
const MIDDLES = {
  stdout: encoder.encode(',"stream":"stdout","time":"'),
  stderr: encoder.encode(',"stream":"stderr","time":"'),
} as const;
const CLOSING_BRACE = 0x7d;
const QUOTE = 0x22;
const ZULU = 0x5a;
/** A time without its zone. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?$/;
/** `2013-08-25T10:52:22.257575646Z ` */
const TIMESTAMP_LENGTH = 31;
const LONGEST_TIME = 29;

/** Renders whole lines of a log file; the output is a new buffer each time. */
export function renderer(options: RenderOptions): (lines: Uint8Array) => Rendered {
  const since = boundOf(options.since);
  const until = boundOf(options.until);
  return (lines) => {
    const output = new Output(lines.length);
    for (let from = 0; from < lines.length; ) {
      const newline = lines.indexOf(NEWLINE, from);
      const to = newline < 0 ? lines.length : newline;
      const found = decode({ bytes: lines, from, to }, output, options);
      from = to + 1;
      if (found === undefined) continue;
      // As Docker does, also where the clock was set back and an earlier time comes later.
      if (until !== undefined && found.time > until) return { bytes: output.taken(), done: true };
      if (options[found.stream] && (since === undefined || found.time >= since)) keep(output, found, options);
    }
    return { bytes: output.taken(), done: false };
  };
}

/** A growing buffer; `filled` is what is kept, anything behind it is tentative. */
class Output {
  buffer: Uint8Array;
  filled = 0;

  constructor(room: number) {
    this.buffer = new Uint8Array(room);
  }

  reserve(bytes: number): void {
    if (this.filled + bytes <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.filled + bytes, 2 * this.buffer.length));
    larger.set(this.buffer.subarray(0, this.filled));
    this.buffer = larger;
  }

  taken(): Uint8Array {
    return this.buffer.subarray(0, this.filled);
  }
}

/** Puts what comes before the text and keeps the record. */
function keep(output: Output, found: Found, options: RenderOptions): void {
  let at = output.filled;
  if (options.framed) {
    putHeader(output.buffer, at, { stream: found.stream, length: found.end - at - HEADER_LENGTH });
    at += HEADER_LENGTH;
  }
  if (options.timestamps) encoder.encodeInto(`${fixed(found.time)}Z `, output.buffer.subarray(at));
  output.filled = found.end;
}

/** What a record is decoded to: where its text goes, and whether its time and its details are asked for. */
interface Wanted {
  textAt: number;
  timed: boolean;
  details: boolean;
}

function decode(line: Line, output: Output, options: RenderOptions): Found | undefined {
  const prefix = (options.framed ? HEADER_LENGTH : 0) + (options.timestamps ? TIMESTAMP_LENGTH : 0);
  output.reserve(line.to - line.from + prefix);
  const timed = options.timestamps || options.since !== 0n || options.until !== 0n;
  const wanted = { textAt: output.filled + prefix, timed, details: options.details };
  const usual = wanted.details ? undefined : decodeUsual(line, output.buffer, wanted);
  return usual ?? decodeAny(line, output, wanted);
}

/** A record as Fathom and Docker write it when it has no attributes. */
function decodeUsual(line: Line, target: Uint8Array, { textAt, timed }: Wanted): Found | undefined {
  const { bytes, to } = line;
  if (!startsWith(bytes, line.from, HEAD)) return undefined;
  const text = unescapeInto(target, textAt, { bytes, from: line.from + HEAD.length, to });
  if (text === undefined) return undefined;
  const stream = startsWith(bytes, text.sourceEnd, MIDDLES.stdout) ? "stdout" : "stderr";
  if (stream === "stderr" && !startsWith(bytes, text.sourceEnd, MIDDLES.stderr)) return undefined;
  const timeAt = text.sourceEnd + MIDDLES[stream].length;
  const closed = bytes[to - 1] === CLOSING_BRACE && bytes[to - 2] === QUOTE && bytes[to - 3] === ZULU;
  if (!closed || to - 3 - timeAt > LONGEST_TIME) return undefined;
  if (!timed) return { stream, time: "", end: text.targetEnd };
  const time = decoder.decode(bytes.subarray(timeAt, to - 3));
  return TIME.test(time) ? { stream, time, end: text.targetEnd } : undefined;
}

function decodeAny(line: Line, output: Output, { textAt, details }: Wanted): Found | undefined {
  const record = parse(decoder.decode(line.bytes.subarray(line.from, line.to)));
  if (record === undefined) return undefined;
  const text = encoder.encode(details ? `${detailsOf(record.attrs)} ${record.log}` : record.log);
  output.reserve(textAt - output.filled + text.length);
  output.buffer.set(text, textAt);
  return { stream: record.stream, time: record.time.slice(0, -1), end: textAt + text.length };
}

interface LogRecord {
  log: string;
  stream: OutputStream;
  attrs: Record<string, unknown>;
  time: string;
}

function parse(line: string): LogRecord | undefined {
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(line));
  } catch {
    return undefined;
  }
  const { log = "", stream, attrs, time } = value;
  if (typeof log !== "string" || (stream !== "stdout" && stream !== "stderr")) return undefined;
  if (typeof time !== "string" || !time.endsWith("Z") || !TIME.test(time.slice(0, -1))) return undefined;
  return { log, stream, time, attrs: Object(attrs) };
}

/** `name=value,name=value`, sorted and escaped as in a URL's query. */
function detailsOf(attributes: Record<string, unknown>): string {
  return Object.entries(attributes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map((pair) => new URLSearchParams([[pair[0], String(pair[1])]]).toString())
    .join(",");
}

/** A time in nanoseconds in the form that compares as text with a record's; undefined for 0, no bound. */
export function boundOf(nanoseconds: bigint): string | undefined {
  if (nanoseconds === 0n) return undefined;
  const within = nanoseconds < 0n ? 0n : nanoseconds > LATEST ? LATEST : nanoseconds;
  return rfc3339(within).slice(0, -1);
}

/** The end of the year 9999: later ones have five digits. */
const LATEST = 253_402_300_799n * 1_000_000_000n;

/** The time with all nine digits. */
function fixed(time: string): string {
  const [seconds = "", fraction = ""] = time.split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}

function startsWith(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index += 1) {
    if (bytes[at + index] !== expected[index]) return false;
  }
  return true;
}

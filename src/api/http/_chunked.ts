/** The chunked transfer coding (RFC 9112 section 7.1): decoded as bytes come, framed as they go. */

import { parseFields } from "./_head.ts";
import { ProtocolError } from "./error.ts";

/** A chunk's size line, extension included: extensions carry nothing anybody uses, so a long one is an attack. */
const LINE_LIMIT = 256;
const TRAILER_LIMIT = 8 * 1024;
const SIZE_LINE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const CR = 13;
const LF = 10;
/** Up to this size one copy is cheaper than three writes. */
const COPY_LIMIT = 16 * 1024;
const CRLF = Buffer.from("\r\n");

/** What `decode` found at the front of the bytes it was given. */
interface Decoded {
  /** Body bytes, a view into the input; empty when there were none. */
  data: Buffer;
  /** Input bytes used up, data included. */
  used: number;
}

/** Decodes one body, piece by piece. */
export interface ChunkedDecoder {
  /** Takes bytes from the front of `input`, at most to the end of the body. Throws a ProtocolError. */
  decode(input: Buffer): Decoded;
  /** The last chunk and its trailer have been read. */
  readonly done: boolean;
}

const NOTHING = Buffer.alloc(0);

/** A decoder that stands before a body's first chunk. Trailer fields are checked and dropped. */
export function chunkedDecoder(): ChunkedDecoder {
  let state: "size" | "data" | "data-end" | "trailer" | "done" = "size";
  let remaining = 0;
  let line = "";
  let trailerBytes = 0;

  /** Moves bytes into `line` up to LF; gives how many were used. `line` is complete when it ends in LF. */
  function gather(input: Buffer, limit: number): number {
    const end = input.indexOf(LF);
    const used = end < 0 ? input.length : end + 1;
    if (line.length + used > limit) throw new ProtocolError(400, "malformed chunked encoding: line too long");
    line += input.toString("latin1", 0, used);
    return used;
  }

  function takeLine(): string {
    if (!line.endsWith("\r\n"))
      throw new ProtocolError(400, "malformed chunked encoding: a line ends without CR");
    const text = line.slice(0, -2);
    line = "";
    return text;
  }

  function readLine(input: Buffer): number {
    const used = gather(input, state === "size" ? LINE_LIMIT : TRAILER_LIMIT);
    if (!line.endsWith("\n")) return used;
    const text = takeLine();
    if (state === "size") {
      remaining = chunkSize(text);
      state = remaining === 0 ? "trailer" : "data";
    } else if (text === "") {
      state = "done";
    } else {
      trailerBytes += text.length;
      checkTrailer(text, trailerBytes);
    }
    return used;
  }

  function readData(input: Buffer): Decoded {
    const data = input.length <= remaining ? input : input.subarray(0, remaining);
    remaining -= data.length;
    if (remaining === 0) state = "data-end";
    return { data, used: data.length };
  }

  function readDataEnd(input: Buffer): number {
    const expected = line === "" ? CR : LF;
    if (input[0] !== expected)
      throw new ProtocolError(400, "malformed chunked encoding: chunk longer than its size");
    line = expected === CR ? "\r" : "";
    if (expected === LF) state = "size";
    return 1;
  }

  return {
    get done() {
      return state === "done";
    },
    decode(input) {
      let used = 0;
      while (used < input.length && state !== "done") {
        const rest = used === 0 ? input : input.subarray(used);
        if (state === "data") {
          const found = readData(rest);
          return { data: found.data, used: used + found.used };
        }
        used += state === "data-end" ? readDataEnd(rest) : readLine(rest);
      }
      return { data: NOTHING, used };
    },
  };
}

/** The pieces that carry `data` as one chunk, to be written in order. An empty chunk would end the body: give none. */
export function frameChunk(data: Uint8Array): Uint8Array[] {
  const size = Buffer.from(`${data.length.toString(16)}\r\n`, "latin1");
  return data.length <= COPY_LIMIT ? [Buffer.concat([size, data, CRLF])] : [size, data, CRLF];
}

export const LAST_CHUNK = "0\r\n\r\n";

function chunkSize(line: string): number {
  const [, digits] = SIZE_LINE.exec(line) ?? [];
  if (digits === undefined) throw new ProtocolError(400, "malformed chunked encoding: bad chunk size");
  return Number.parseInt(digits, 16);
}

function checkTrailer(line: string, total: number): void {
  if (total > TRAILER_LIMIT) throw new ProtocolError(431, "trailer fields of the request are too large");
  parseFields(`${line}\r\n\r\n`, 0);
}

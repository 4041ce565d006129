/** Takes request heads off a connection's input, in however many pieces they come. */

import type { Socket } from "node:net";
import { endOfHead, HEAD_LIMIT, type Head, parseHead } from "./_head.ts";
import type { Input } from "./_input.ts";
import { ProtocolError } from "./error.ts";

/** A head must be complete this long after its first piece, in milliseconds, or the connection is cut. Docker's limit. */
const HEAD_TIMEOUT_MS = 5 * 60_000;

/** The next head, or undefined when the client ended the connection between two requests. Throws a ProtocolError. */
export async function readHead(input: Input, socket: Socket): Promise<Head | undefined> {
  const first = await input.read();
  if (first === undefined) return undefined;
  const end = endOfHead(first, 0);
  if (end > 2) return takeHead(input, first, end);
  const timer = setTimeout(() => socket.destroy(), HEAD_TIMEOUT_MS);
  try {
    return await readSplitHead(input, first);
  } finally {
    clearTimeout(timer);
  }
}

function takeHead(input: Input, bytes: Buffer, end: number): Head {
  if (end > HEAD_LIMIT) throw new ProtocolError(431, "the request's header is too large");
  const head = parseHead(bytes.toString("latin1", 0, end));
  input.unread(bytes.subarray(end));
  return head;
}

/** A head in several pieces, or behind the one empty line that RFC 9112 section 2.2 lets a client send before it. */
async function readSplitHead(input: Input, first: Buffer): Promise<Head | undefined> {
  const pieces = growingBuffer(first);
  let start = 0;
  let scanned = 0;
  for (;;) {
    const bytes = pieces.bytes().subarray(start);
    const end = endOfHead(bytes, scanned);
    if (end > 2) return takeHead(input, bytes, end);
    if (end === 2) {
      if (start > 0) throw new ProtocolError(400, "malformed HTTP request line");
      start = 2;
      scanned = 0;
      continue;
    }
    if (bytes.length > HEAD_LIMIT) throw new ProtocolError(431, "the request's header is too large");
    scanned = bytes.length;
    const more = await input.read();
    if (more !== undefined) pieces.add(more);
    else if (bytes.length === 0) return undefined;
    else throw new ProtocolError(400, "the request's header ended too early");
  }
}

/** Bytes added piece by piece, each copied a bounded number of times however small the pieces are. */
function growingBuffer(first: Buffer): { add: (piece: Buffer) => void; bytes: () => Buffer } {
  let store = first;
  let used = first.length;
  return {
    add(piece) {
      if (used + piece.length > store.length) {
        const larger = Buffer.allocUnsafeSlow(2 * (used + piece.length));
        store.copy(larger, 0, 0, used);
        store = larger;
      }
      piece.copy(store, used);
      used += piece.length;
    },
    bytes: () => store.subarray(0, used),
  };
}

/** Reads an HTTP/1.1 response (RFC 9112): status line, headers, and a body by length, in chunks, or to the end. */

import { ProtocolError } from "../errors.ts";
import type { Connection } from "./connection.ts";

const MAX_HEAD = 64 << 10;
const MAX_CHUNK_LINE = 4 << 10;
const DECODER = new TextDecoder();

export interface Reply {
  status: number;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  /** The body as it arrives. Leaving the loop early closes the connection. */
  body: AsyncGenerator<Uint8Array, void>;
}

/** Reads a response up to its body; 1xx responses other than 101 are passed over. */
export async function readReply(connection: Connection, method: string): Promise<Reply> {
  for (;;) {
    const { status, headers } = await readHead(connection);
    if (status >= 100 && status < 200 && status !== 101) continue;
    return { status, headers, body: bodyOf(connection, { method, status, headers }) };
  }
}

async function readHead(connection: Connection) {
  const lines = (await readUntil(connection, "\r\n\r\n", MAX_HEAD)).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0] ?? "")?.[1];
  if (!status)
    throw new ProtocolError(
      "the daemon's answer is not HTTP/1.1: is something else listening on this address?",
    );
  const headers = new Map(
    lines.slice(1).flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon < 1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]];
    }),
  );
  return { status: Number(status), headers };
}

/** Text up to `mark`, which is consumed; what follows it is given back. */
async function readUntil(connection: Connection, mark: string, limit: number): Promise<string> {
  let held: Buffer = Buffer.alloc(0);
  for (;;) {
    const bytes = await connection.read();
    if (!bytes) throw new ProtocolError("the daemon closed the connection before it had answered");
    held =
      held.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([held, bytes]);
    const at = held.indexOf(mark);
    if (at >= 0) {
      connection.unread(held.subarray(at + mark.length));
      return DECODER.decode(held.subarray(0, at));
    }
    if (held.length > limit) throw new ProtocolError("the daemon's answer has a head without end");
  }
}

interface Answered {
  /** Of the request. */
  method: string;
  status: number;
  headers: ReadonlyMap<string, string>;
}

async function* bodyOf(connection: Connection, { method, status, headers }: Answered) {
  try {
    // A length in the answer to HEAD is that of a body which GET would get (RFC 9110 section 9.3.2).
    if (method === "HEAD" || status === 204 || status === 304) return;
    if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") yield* readChunks(connection);
    else if (headers.has("content-length"))
      yield* readLength(connection, Number(headers.get("content-length")));
    else yield* readToEnd(connection);
  } finally {
    connection.close();
  }
}

async function* readChunks(connection: Connection) {
  for (;;) {
    const line = await readUntil(connection, "\r\n", MAX_CHUNK_LINE);
    const size = /^[\da-f]+/i.exec(line)?.[0];
    if (!size) throw new ProtocolError("the daemon's answer has a chunk without a size");
    const length = Number.parseInt(size, 16);
    if (length === 0) return;
    yield* readLength(connection, length);
    await readUntil(connection, "\r\n", MAX_CHUNK_LINE);
  }
}

async function* readLength(connection: Connection, length: number) {
  let left = length;
  while (left > 0) {
    const bytes = await connection.read();
    if (!bytes) throw new ProtocolError("the daemon closed the connection in the middle of its answer");
    const part = bytes.subarray(0, left);
    connection.unread(bytes.subarray(part.length));
    left -= part.length;
    yield part;
  }
}

async function* readToEnd(connection: Connection) {
  for (let bytes = await connection.read(); bytes; bytes = await connection.read()) yield bytes;
}

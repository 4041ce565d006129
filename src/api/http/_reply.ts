/** The answer to one request: whole, streamed, or the connection itself. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { frameChunk, LAST_CHUNK } from "./_chunked.ts";
import { joinStreams } from "./_hijack.ts";
import type { Input } from "./_input.ts";
import { drained, write } from "./_output.ts";

export type Fields = Readonly<Record<string, string>>;

/** What the answer needs to know of its request and its connection. */
interface ReplyContext {
  socket: Socket;
  input: Input;
  method: string;
  minor: 0 | 1;
  /** Whether the connection can serve another request behind this one; asked when the head goes out. */
  persistent: () => boolean;
  /** Fields of every answer, ready to be sent. */
  commonFields: string;
}

const REASONS: Record<number, string> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  413: "Request Entity Too Large",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** Exactly one of `send`, `stream` and `hijack` is called for a request. */
export class Reply {
  readonly #context: ReplyContext;
  #state: "fresh" | "started" | "complete" | "hijacked" = "fresh";
  #keepAlive = false;

  constructor(context: ReplyContext) {
    this.#context = context;
  }

  /** The head is out: the status cannot be changed any more. */
  get started(): boolean {
    return this.#state !== "fresh";
  }

  /** The answer is complete and the connection can take the next request. */
  get reusable(): boolean {
    return this.#state === "complete" && this.#keepAlive;
  }

  get hijacked(): boolean {
    return this.#state === "hijacked";
  }

  /** A whole answer with its length. HEAD and the statuses that have no body send the head alone. */
  async send(status: number, fields: Fields, body = ""): Promise<void> {
    const bodiless = status === 204 || status === 304;
    const length = bodiless ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    const head = this.#startHead(status, fields) + length + this.#endHead();
    await write(this.#context.socket, bodiless || this.#context.method === "HEAD" ? head : head + body);
    this.#state = "complete";
  }

  /**
   * An answer without a known end: the head goes out at once, then every piece as it comes, until `source` ends or the
   * peer is gone. When `source` throws, the connection is cut, so that the peer does not take what it has for the whole.
   */
  async stream(status: number, fields: Fields, source: AsyncIterable<Uint8Array | string>): Promise<void> {
    const { socket, minor, method } = this.#context;
    const chunked = minor === 1;
    const coding = chunked ? "Transfer-Encoding: chunked\r\n" : "";
    await write(socket, this.#startHead(status, fields) + coding + this.#endHead(chunked));
    if (method !== "HEAD") {
      try {
        await pump(source, socket, chunked);
      } catch (error) {
        socket.destroy();
        throw error;
      }
    }
    this.#state = "complete";
  }

  /**
   * Gives the connection away: sends `head` as it is (status line and fields, without the empty line), then joins the
   * connection's two directions with `stream`'s, beginning with bytes that came behind the request. Resolves when it is over.
   */
  async hijack(head: string, stream: Duplex, last?: () => Promise<Uint8Array>): Promise<void> {
    this.#state = "hijacked";
    const { socket, input } = this.#context;
    await write(socket, `${head}\r\n\r\n`);
    await joinStreams({ socket, input }, stream, last);
  }

  #startHead(status: number, fields: Fields): string {
    if (this.#state !== "fresh") throw new Error("this request has been answered");
    this.#state = "started";
    let head = `HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}\r\n${this.#context.commonFields}`;
    for (const name in fields) head += `${name}: ${fields[name]}\r\n`;
    return head;
  }

  /** `delimited`: the peer can find the body's end without the connection's. */
  #endHead(delimited = true): string {
    this.#keepAlive = delimited && this.#context.persistent();
    const keepAlive = this.#context.minor === 0 ? "Connection: keep-alive\r\n" : "";
    return `Date: ${httpDate()}\r\n${this.#keepAlive ? keepAlive : "Connection: close\r\n"}\r\n`;
  }
}

async function pump(source: AsyncIterable<Uint8Array | string>, socket: Socket, chunked: boolean) {
  for await (const piece of source) {
    const data = typeof piece === "string" ? Buffer.from(piece) : piece;
    if (data.length === 0) continue;
    const gone = chunked ? !(await writeAll(socket, frameChunk(data))) : !(await write(socket, data));
    if (gone) return;
  }
  if (chunked) await write(socket, LAST_CHUNK);
}

/** Writes pieces as one; room is waited for behind the last one only. */
async function writeAll(socket: Socket, pieces: Uint8Array[]): Promise<boolean> {
  if (socket.destroyed || !socket.writable) return false;
  socket.cork();
  for (const piece of pieces) socket.write(piece);
  socket.uncork();
  return socket.writableNeedDrain ? await drained(socket) : true;
}

let dateText = "";
let dateSecond = 0;

/** The Date field's value (RFC 9110 section 6.6.1), made once a second. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}

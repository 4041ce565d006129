/** A request's body as a stream, and what is left of it when nobody wanted it. */

import type { Socket } from "node:net";
import { type ChunkedDecoder, chunkedDecoder } from "./_chunked.ts";
import type { Framing } from "./_head.ts";
import type { Input } from "./_input.ts";
import { ProtocolError } from "./error.ts";

/** An unread rest up to this size is skipped to keep the connection; behind a longer one it is closed. */
const SKIP_LIMIT = 256 * 1024;

/** The body of one request. Can be iterated once; every piece is a view that stays valid. */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #input: Input;
  readonly #socket: Socket;
  readonly #chunks: ChunkedDecoder | undefined;
  #remaining: number;
  #continueWanted: boolean;
  /** Once set, where the next request begins is not known any more. */
  #malformed = false;
  /** Length in bytes as announced; undefined when chunked. */
  readonly length: number | undefined;

  constructor(connection: { input: Input; socket: Socket }, framing: Framing, expectsContinue: boolean) {
    this.#input = connection.input;
    this.#socket = connection.socket;
    this.#chunks = framing.kind === "chunked" ? chunkedDecoder() : undefined;
    this.#remaining = framing.kind === "length" ? framing.length : 0;
    this.length = framing.kind === "length" ? framing.length : undefined;
    this.#continueWanted = expectsContinue;
  }

  /** All of it has been read. */
  get done(): boolean {
    return this.#chunks === undefined ? this.#remaining === 0 : this.#chunks.done;
  }

  /** What is left may be skipped to reach the next request. False also for a client that waits for `100 Continue`. */
  get skippable(): boolean {
    if (this.#malformed) return false;
    return this.done || (!this.#continueWanted && this.#remaining <= SKIP_LIMIT);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#continueWanted && !this.done) this.#socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    this.#continueWanted = false;
    while (!this.done) {
      const piece = this.#take(await this.#more());
      if (piece.length > 0) yield piece;
    }
  }

  /** Reads what is left and throws it away. False when it was too long, malformed or cut off. */
  async skip(): Promise<boolean> {
    let skipped = 0;
    try {
      while (!this.done && !this.#malformed && skipped <= SKIP_LIMIT)
        skipped += this.#take(await this.#more()).length;
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
    return this.done;
  }

  async #more(): Promise<Buffer> {
    const bytes = await this.#input.read();
    if (bytes !== undefined) return bytes;
    this.#malformed = true;
    throw new ProtocolError(400, "the request's body ended too early");
  }

  #take(bytes: Buffer): Buffer {
    if (this.#chunks !== undefined) return this.#takeChunked(this.#chunks, bytes);
    const data = bytes.length <= this.#remaining ? bytes : bytes.subarray(0, this.#remaining);
    this.#remaining -= data.length;
    if (data.length < bytes.length) this.#input.unread(bytes.subarray(data.length));
    return data;
  }

  #takeChunked(chunks: ChunkedDecoder, bytes: Buffer): Buffer {
    try {
      const { data, used } = chunks.decode(bytes);
      this.#input.unread(bytes.subarray(used));
      return data;
    } catch (error) {
      this.#malformed = true;
      throw error;
    }
  }
}

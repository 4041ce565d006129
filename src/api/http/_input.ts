/** The reading side of a connection: bytes in the order they came, taken one piece at a time. */

import type { Socket } from "node:net";

/** Bytes that may wait unread before the socket is paused: enough to keep a fast sender busy, small beside many connections. */
const HIGH_WATER = 512 * 1024;

/** Owner of a socket's readable half. One reader at a time. */
export class Input {
  readonly #socket: Socket;
  #queue: Buffer[] = [];
  #queued = 0;
  #ended = false;
  #paused = false;
  #wake: (() => void) | undefined;
  /** Called once when no more bytes will come: the peer closed its half or is gone. */
  onEnd: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#push(chunk));
    socket.once("end", () => this.#end());
    socket.once("close", () => this.#end());
  }

  /** The peer sends nothing any more; what is queued can still be read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next bytes, or undefined behind the last ones. */
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#queued -= chunk.length;
        if (this.#paused && this.#queued < HIGH_WATER) this.#resume();
        return chunk;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Puts back what was read too far: the next `read` gives it again. */
  unread(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#queue.unshift(rest);
    this.#queued += rest.length;
  }

  #push(chunk: Buffer): void {
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#queued >= HIGH_WATER && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#wakeReader();
  }

  #resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wakeReader();
    this.onEnd();
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/**
 * One connection that the shim has accepted: bytes out in order however slowly they are taken, bytes in with the possibility
 * to wait.
 *
 * Ending is done by halves: a socket that is closed with input unread loses its output too (unix(7) gives the other end
 * ECONNRESET), so the write half is shut down, and the rest follows when the other end has closed.
 */

import type { Socket } from "bun";
import { descriptorOf } from "./_sockets.ts";

export interface ConnectionEvents {
  data(bytes: Uint8Array): void;
  /** The other end sends no more. */
  end(): void;
  /** Gone, for whatever reason; nothing follows. */
  close(): void;
}

type ShimSocket = Socket<Connection>;

/** How long the other end has to close after everything was sent, in milliseconds. */
const LINGER = 10_000;

export class Connection {
  readonly #socket: ShimSocket;
  /** What the socket did not take, oldest first. */
  readonly #unsent: Uint8Array[] = [];
  #events: ConnectionEvents | undefined;
  #closed = Promise.withResolvers<void>();
  #drained: PromiseWithResolvers<void> | undefined;
  #finishing = false;
  #gone = false;

  constructor(socket: ShimSocket) {
    this.#socket = socket;
  }

  /** Resolves when the connection is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The descriptor, while nothing waits to be sent and the end has not begun. */
  get idle(): number | undefined {
    const busy = this.#gone || this.#finishing || this.#unsent.length > 0;
    return busy ? undefined : descriptorOf(this.#socket);
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
  }

  /** Sends bytes behind all that was sent before; they are copied if they have to wait. */
  send(bytes: Uint8Array | string): void {
    if (this.#gone || this.#finishing) return;
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    const sent = this.#unsent.length > 0 ? 0 : this.#write(data);
    if (sent < data.length && !this.#gone) this.#unsent.push(data.slice(sent));
  }

  /** Resolves when all is sent or the connection gone; undefined when that is so now. */
  pressure(): Promise<void> | undefined {
    if (this.#gone || this.#unsent.length === 0) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Stops and goes on with reading. While it is stopped the end of the other side goes unseen. */
  pause(): void {
    if (!this.#gone) this.#socket.pause();
  }

  resume(): void {
    if (!this.#gone) this.#socket.resume();
  }

  /** Sends nothing more and closes once everything was sent; input is dropped from now on. */
  finish(): void {
    if (this.#gone || this.#finishing) return;
    this.#finishing = true;
    this.resume();
    if (this.#unsent.length === 0) this.#shutDown();
  }

  /** For the server: the socket told something. */
  readonly told = {
    data: (bytes: Uint8Array): void => {
      if (!this.#finishing) this.#events?.data(bytes);
    },
    drain: (): void => this.#flush(),
    end: (): void => {
      if (!this.#finishing) this.#events?.end();
    },
    close: (): void => this.#leave(),
  };

  /** The number of bytes taken. */
  #write(bytes: Uint8Array): number {
    const sent = this.#socket.write(bytes);
    if (sent >= 0) return sent;
    this.#cutOff();
    return 0;
  }

  /** Closes at once. The socket does not always tell of it: not while it is paused. */
  #cutOff(): void {
    this.#socket.terminate();
    this.#leave();
  }

  #flush(): void {
    while (this.#unsent.length > 0) {
      const [next = new Uint8Array(0)] = this.#unsent;
      const sent = this.#write(next);
      if (this.#gone) return;
      if (sent < next.length) {
        this.#unsent[0] = next.subarray(sent);
        return;
      }
      this.#unsent.shift();
    }
    this.#relieve();
    if (this.#finishing) this.#shutDown();
  }

  #shutDown(): void {
    this.#socket.shutdown();
    const timer = setTimeout(() => this.#cutOff(), LINGER);
    void this.closed.then(() => clearTimeout(timer));
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#unsent.length = 0;
    this.#relieve();
    this.#closed.resolve();
    this.#events?.close();
  }

  #relieve(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

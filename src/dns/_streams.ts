/**
 * Askers that come by TCP: RFC 7766.
 *
 * A connection may ask many questions without waiting for answers, which come in any order. What one may have open is bounded, and
 * so is how many there are: the one that was quiet longest makes room.
 */

import { ERRNO } from "../kernel/errno.ts";
import { closeFd } from "../kernel/file.ts";
import { acceptConnection, receive, send } from "../kernel/net/inet.ts";
import type { WatchSet } from "../kernel/watch_set.ts";
import { framed } from "./_exchange.ts";

const MOST_CONNECTIONS = 64;
/** Questions of one connection that are not answered yet. */
const MOST_OPEN = 32;
/** Bytes of answers that one connection has not taken. */
const MOST_UNTAKEN = 256 * 1024;
/** Quiet for so long, a connection is closed; milliseconds. */
const IDLE = 10_000;
const PREFIX = 2;
const PIECE = 16 * 1024;

interface Connection {
  fd: number;
  /** What has come of messages that are not whole. */
  input: Uint8Array;
  output: Uint8Array;
  open: number;
  /** When something last came or went. */
  at: number;
  /** The asker has said all. */
  ended: boolean;
}

/** Answers a message now or later; without an answer for what is none. */
export type Ask = (message: Uint8Array, answer: (reply: Uint8Array | undefined) => void) => void;

export class Streams {
  readonly #watch: WatchSet;
  readonly #ask: Ask;
  readonly #connections = new Set<Connection>();
  readonly #piece = new Uint8Array(new ArrayBuffer(PIECE));

  constructor(watch: WatchSet, ask: Ask) {
    this.#watch = watch;
    this.#ask = ask;
  }

  get busy(): boolean {
    return this.#connections.size > 0;
  }

  /** Takes who is waiting. */
  accept(listener: number): void {
    for (let count = 0; count < MOST_CONNECTIONS; count++) {
      const fd = acceptConnection(listener);
      if (fd < 0) return;
      if (this.#connections.size >= MOST_CONNECTIONS) this.#makeRoom();
      const nothing = new Uint8Array(0);
      const connection = {
        fd,
        input: nothing,
        output: nothing,
        open: 0,
        at: performance.now(),
        ended: false,
      };
      this.#connections.add(connection);
      this.#wait(connection);
    }
  }

  /** Closes what was quiet for long. */
  expire(): void {
    const before = performance.now() - IDLE;
    for (const connection of this.#connections) if (connection.at < before) this.#close(connection);
  }

  close(): void {
    for (const connection of this.#connections) this.#close(connection);
  }

  #makeRoom(): void {
    const [oldest] = [...this.#connections].sort((a, b) => a.at - b.at);
    if (oldest !== undefined) this.#close(oldest);
  }

  #close(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    this.#watch.forget(connection.fd);
    closeFd(connection.fd);
  }

  /** Waits for what may come or go now; a connection that has had its answers and says no more is done with. */
  #wait(connection: Connection): void {
    const { fd, output, open, ended } = connection;
    if (ended && open === 0 && output.length === 0) {
      this.#close(connection);
      return;
    }
    const reads = !ended && open < MOST_OPEN;
    const writes = output.length > 0;
    const wish = reads && writes ? "both" : reads ? "read" : writes ? "write" : "nothing";
    this.#watch.watch(fd, wish, () => this.#ready(connection));
  }

  #ready(connection: Connection): void {
    connection.at = performance.now();
    this.#write(connection);
    if (!this.#connections.has(connection)) return;
    if (!connection.ended && connection.open < MOST_OPEN) this.#read(connection);
    if (this.#connections.has(connection)) this.#wait(connection);
  }

  #read(connection: Connection): void {
    const count = receive(connection.fd, this.#piece);
    if (count === -ERRNO.EAGAIN) return;
    if (count < 0) {
      this.#close(connection);
      return;
    }
    if (count === 0) connection.ended = true;
    connection.input = Buffer.concat([connection.input, this.#piece.subarray(0, count)]);
    this.#take(connection);
  }

  /** Takes messages that are whole. */
  #take(connection: Connection): void {
    while (this.#connections.has(connection) && connection.open < MOST_OPEN) {
      const { input } = connection;
      const end = PREFIX + (((input[0] ?? 0) << 8) | (input[1] ?? 0));
      if (input.length < PREFIX || input.length < end) return;
      connection.input = input.subarray(end);
      connection.open += 1;
      this.#ask(input.slice(PREFIX, end), (reply) => this.#answer(connection, reply));
    }
  }

  #answer(connection: Connection, reply: Uint8Array | undefined): void {
    if (!this.#connections.has(connection)) return;
    connection.open -= 1;
    if (reply === undefined) {
      this.#close(connection);
      return;
    }
    connection.output = Buffer.concat([connection.output, framed(reply)]);
    if (connection.output.length > MOST_UNTAKEN) {
      this.#close(connection);
      return;
    }
    this.#write(connection);
    if (!this.#connections.has(connection)) return;
    this.#take(connection);
    if (this.#connections.has(connection)) this.#wait(connection);
  }

  #write(connection: Connection): void {
    if (connection.output.length === 0) return;
    const count = send(connection.fd, connection.output);
    if (count > 0) connection.output = connection.output.subarray(count);
    else if (count !== -ERRNO.EAGAIN) this.#close(connection);
  }
}

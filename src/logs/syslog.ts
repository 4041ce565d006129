/**
 * Sends records to a syslog server: in order, one message a record, over a connection that is made anew when it was lost.
 *
 * What waits for the server is bounded. While the server takes messages slowly, a program in blocking mode waits for room; while
 * there is no server nobody waits: what does not fit is dropped, counted, and told when the server is back.
 */

import { hostname } from "node:os";
import { type OutputStream, Pieces } from "./_pieces.ts";
import { type DialDatagrams, dial, type Link } from "./_syslog_link.ts";
import { type MessageContext, syslogMessage } from "./_syslog_message.ts";
import type { SyslogTarget } from "./target.ts";

export type { DialDatagrams, Link } from "./_syslog_link.ts";

export interface SyslogOptions {
  datagrams: DialDatagrams;
  /** Told in a sentence what was lost, once it is known how much. */
  onLoss: (sentence: string) => void;
}

/** Milliseconds between attempts to reach a server that is gone: the first, and the most. */
const RETRY = { first: 100, most: 5000 };
/** How long the end waits for the server to take the rest, in milliseconds; Docker's. */
const PATIENCE = 10_000;
/** Messages that a stream is given in one piece. */
const MOST_AT_ONCE = 64;

export class Syslog {
  readonly #target: SyslogTarget;
  readonly #options: SyslogOptions;
  readonly #context: MessageContext;
  readonly #pieces = new Pieces();
  readonly #closing = new AbortController();
  readonly #queue: Uint8Array[] = [];
  #waiting = 0;
  #link: Link | undefined;
  #sending: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #dropped = { messages: 0, bytes: 0 };

  /** `link` is a connection that is open already; without one it is made when there is something to send. */
  constructor(target: SyslogTarget, options: SyslogOptions, link?: Link) {
    this.#target = target;
    this.#options = options;
    this.#link = link;
    this.#context = { target, hostname: hostname(), pid: process.pid };
  }

  /** Whether nothing waits for the server. */
  get idle(): boolean {
    return this.#sending === undefined;
  }

  unfinished(stream: OutputStream): Uint8Array {
    return this.#pieces.unfinished(stream);
  }

  /** Sends the records that are complete with `chunk`. A promise settles when there is room for more. */
  write(stream: OutputStream, chunk: Uint8Array): Promise<void> | undefined {
    const at = new Date();
    this.#pieces.cut(stream, chunk, ({ bytes, from, to }) => {
      this.#enqueue(syslogMessage(stream, bytes.subarray(from, to), { context: this.#context, at }));
    });
    if (!this.#mayWait || this.#waiting <= this.#target.maxBuffer) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Ends both streams; resolves when the server has taken everything, or has not for a while. */
  async close(): Promise<void> {
    const at = new Date();
    for (const stream of ["stdout", "stderr"] as const) {
      this.#pieces.end(stream, ({ bytes, from, to }) => {
        this.#enqueue(syslogMessage(stream, bytes.subarray(from, to), { context: this.#context, at }));
      });
    }
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#closing.abort();
      late.resolve();
    }, PATIENCE);
    await Promise.race([this.#sending, late.promise]);
    clearTimeout(timer);
    for (const { length } of this.#queue.splice(0)) {
      this.#dropped.messages += 1;
      this.#dropped.bytes += length;
    }
    this.#tellDropped();
    this.#link?.close();
  }

  /** Without room it is dropped, unless the program is about to wait for the server. */
  #enqueue(message: Uint8Array): void {
    if (!this.#mayWait && this.#waiting + message.length > this.#target.maxBuffer) {
      this.#dropped.messages += 1;
      this.#dropped.bytes += message.length;
      return;
    }
    this.#queue.push(message);
    this.#waiting += message.length;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Whether a program may be held up: a server that is there will make room. */
  get #mayWait(): boolean {
    return !this.#target.nonBlocking && this.#link?.gone === false && !this.#closing.signal.aborted;
  }

  /** Sends what waits until nothing does. What a connection was lost with is sent again. */
  async #send(): Promise<void> {
    for (let delay = RETRY.first; this.#queue.length > 0 && !this.#closing.signal.aborted; ) {
      const batch = this.#queue.slice(0, MOST_AT_ONCE);
      try {
        const link = await this.#connected();
        await link.send(batch);
        delay = RETRY.first;
        this.#queue.splice(0, batch.length);
        for (const { length } of batch) this.#waiting -= length;
      } catch {
        // Whatever it was, another attempt follows; what is lost meanwhile is counted and told.
        this.#link?.close();
        this.#link = undefined;
        await this.#pause(delay);
        delay = Math.min(2 * delay, RETRY.most);
      }
      if (this.#waiting < this.#target.maxBuffer || !this.#mayWait) this.#giveRoom();
    }
    if (this.#queue.length === 0) this.#tellDropped();
  }

  async #connected(): Promise<Link> {
    if (this.#link?.gone) this.#link.close();
    if (this.#link === undefined || this.#link.gone)
      this.#link = await dial(this.#target.address, this.#options.datagrams);
    return this.#link;
  }

  async #pause(milliseconds: number): Promise<void> {
    this.#giveRoom();
    const { signal } = this.#closing;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (!signal.aborted) await promise;
    clearTimeout(timer);
  }

  #giveRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #tellDropped(): void {
    const { messages, bytes } = this.#dropped;
    if (messages === 0) return;
    this.#dropped = { messages: 0, bytes: 0 };
    this.#options.onLoss(
      `log: ${messages} messages (${bytes} bytes) did not reach the syslog server and were dropped`,
    );
  }
}

/** Opens a connection for a Syslog that begins. @throws {FathomError} when the server cannot be reached, in Docker's words. */
export function dialSyslog(target: SyslogTarget, datagrams: DialDatagrams): Promise<Link> {
  return dial(target.address, datagrams);
}

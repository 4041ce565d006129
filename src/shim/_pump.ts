/**
 * Reads what a program writes, until it has ended and all of it was taken.
 *
 * Reading is done by read(2) itself rather than through a stream: only so is it known when everything has been read that was
 * written before the program ended, though something it left behind may hold the pipe open for ever.
 */

import { ERRNO } from "../kernel/errno.ts";
import { closeFd } from "../kernel/file.ts";
import { readable, widenPipe } from "../kernel/ready.ts";
import type { ReadyQueue } from "../kernel/ready_queue.ts";
import { check, sys } from "../kernel/syscall.ts";
import { HEADER_LENGTH } from "../std/stdcopy.ts";
import { GATHER, Pace, WIDE } from "./_pace.ts";

/**
 * Takes bytes that were read, and is lent the same memory with room for a frame's header before them; both are valid until it
 * returns. A promise holds up reading until it settles or the program has ended.
 */
export type Take = (bytes: Uint8Array, framed: Uint8Array) => Promise<unknown> | undefined;

const SIZE = 64 * 1024;
/** How much is read before other work has its turn. */
const TURN = 1024 * 1024;
/** How often a terminal is looked at that nobody has open just now, in milliseconds. */
const LOOK = 100;

/** Shared by all pumps: it is empty again before any other code runs. */
let memory: Uint8Array | undefined;

export class Pump {
  /** Resolves when the program has ended and all that it wrote was taken. */
  readonly taken: Promise<void>;
  readonly fd: number;
  readonly #take: Take;
  readonly #queue: ReadyQueue;
  readonly #taken = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #ended = false;
  #open = true;
  #wake: (() => void) | undefined;
  #turn = 0;
  readonly #pace = new Pace();

  /** Begins to read `fd`, which is non-blocking and is closed at the end; `queue` is that of all streams of the program. */
  constructor(fd: number, queue: ReadyQueue, take: Take) {
    this.fd = fd;
    this.#queue = queue;
    queue.add(fd);
    this.#take = take;
    this.taken = this.#taken.promise;
    this.#run().then(this.#taken.resolve, this.#taken.reject);
  }

  /** Resolves when nothing is read any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Whether something may still write: beyond the program's end, what it left behind. */
  get open(): boolean {
    return this.#open;
  }

  /** The program has ended: what can be read now is the rest, and nobody holds up reading any more. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    using _ = { [Symbol.dispose]: () => this.#close() };
    memory ??= new Uint8Array(HEADER_LENGTH + SIZE);
    for (;;) {
      const count = this.#read(memory);
      if (count === 0) return;
      if (count > 0) {
        this.#pace.taken(count);
        const framed = memory.subarray(0, HEADER_LENGTH + count);
        await this.#heldUp(this.#take(framed.subarray(HEADER_LENGTH), framed), count);
      } else if (this.#ended) {
        return await this.#drop(memory);
      } else if (count === -ERRNO.EIO) {
        await this.#either(Bun.sleep(LOOK));
      } else {
        await this.#untilReadable();
      }
    }
  }

  async #untilReadable(): Promise<void> {
    const since = performance.now();
    await this.#either(this.#queue.readable(this.fd));
    if (!this.#pace.waited(performance.now() - since)) return;
    if (this.#pace.widen) widenPipe(this.fd, WIDE);
    await this.#either(Bun.sleep(GATHER));
  }

  #close(): void {
    this.#open = false;
    closeFd(this.fd);
    this.#closed.resolve();
  }

  /** The number of bytes read, 0 at the end; -EAGAIN when there is nothing now, -EIO when nobody has the terminal open. */
  #read(into: Uint8Array): number {
    for (;;) {
      const count = sys("read", this.fd, into.subarray(HEADER_LENGTH), SIZE);
      if (count === -ERRNO.EINTR) continue;
      if (count === -ERRNO.EIO) return this.#ended ? 0 : count;
      return count === -ERRNO.EAGAIN ? count : check(count, "read a program's output");
    }
  }

  async #heldUp(hold: Promise<unknown> | undefined, count: number): Promise<void> {
    if (hold !== undefined && !this.#ended) return this.#either(hold);
    this.#turn += count;
    if (this.#turn < TURN) return;
    this.#turn = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when the promise settles or the program has ended. Unlike Promise.race it leaves nothing behind on the latter. */
  #either(promise: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      promise.then(() => resolve(), reject);
      if (this.#ended) resolve();
    });
  }

  /** Reads and drops what others write through what they inherited, so that they do not die of SIGPIPE. */
  async #drop(into: Uint8Array): Promise<void> {
    this.#taken.resolve();
    for (let count = this.#read(into); count !== 0; count = this.#read(into)) {
      if (count < 0) await readable(this.fd);
      else await this.#heldUp(undefined, count);
    }
  }
}

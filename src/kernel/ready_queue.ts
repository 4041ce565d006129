/**
 * Waits for several descriptors at once and wakes who waits in the order in which the descriptors became ready.
 *
 * The kernel keeps that order: an epoll descriptor that watches for edges queues each member when it becomes ready, once
 * (epoll(7)). So a member is queued again only after all that was there has been read, up to EAGAIN, and something new has come.
 */

import { ARCH } from "./arch.ts";
import { closeFd } from "./file.ts";
import { O } from "./flags.ts";
import { pipe, setNonBlocking, untilEinval } from "./ready.ts";
import { check, sys } from "./syscall.ts";

/** include/uapi/linux/eventpoll.h; struct epoll_event is packed on x86-64 alone. */
const EPOLLIN = 1;
const EPOLLET = 0x8000_0000;
const CTL_ADD = 1;
const EVENT = ARCH === "x86_64" ? { size: 12, data: 4 } : { size: 16, data: 8 };
const MOST = 8;

/** Members stay the caller's; closing one takes it out. Disposing ends no wait. */
export class ReadyQueue implements Disposable {
  readonly #epoll: number;
  readonly #events = new Uint8Array(EVENT.size * MOST);
  readonly #waiting = new Map<number, () => void>();
  /** Those that became ready while nobody waited for them. */
  readonly #ready = new Set<number>();
  #watching = false;
  #disposed = false;

  /** @throws {SyscallError} */
  constructor() {
    this.#epoll = check(sys("epoll_create1", O.CLOEXEC), "make an epoll descriptor");
    setNonBlocking(this.#epoll, true);
  }

  /** Adds a descriptor that can be waited for: a pipe, a terminal, a socket. @throws {SyscallError} */
  add(fd: number): void {
    const event = new Uint8Array(EVENT.size);
    const view = new DataView(event.buffer);
    view.setUint32(0, EPOLLIN | EPOLLET, true);
    view.setInt32(EVENT.data, fd, true);
    check(sys("epoll_ctl", this.#epoll, CTL_ADD, fd, event), "wait for a descriptor");
  }

  /** Resolves when a member can be read, or may be: who then finds nothing there waits again. */
  readable(fd: number): Promise<void> {
    if (this.#ready.delete(fd)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(fd, resolve);
    if (!this.#watching) void this.#watch();
    return promise;
  }

  /** The members that are ready now, in that order; each is told once. */
  take(): number[] {
    const count = sys("epoll_pwait", this.#epoll, this.#events, MOST, 0, 0, 8);
    const view = new DataView(this.#events.buffer);
    return Array.from({ length: Math.max(0, count) }, (_, index) =>
      view.getInt32(index * EVENT.size + EVENT.data, true),
    );
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    if (this.#watching) this.#wake();
    else closeFd(this.#epoll);
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    while (this.#waiting.size > 0 && !this.#disposed) {
      await untilEinval(this.#epoll);
      for (const fd of this.take()) this.#tell(fd);
    }
    this.#watching = false;
    if (this.#disposed) closeFd(this.#epoll);
  }

  #tell(fd: number): void {
    const resolve = this.#waiting.get(fd);
    this.#waiting.delete(fd);
    if (resolve === undefined) this.#ready.add(fd);
    else resolve();
  }

  /** Ends the wait for members that are gone, by one whose other end has hung up. */
  #wake(): void {
    const { read, write } = pipe();
    this.add(read);
    closeFd(write);
    this.#waiting.set(read, () => closeFd(read));
  }
}

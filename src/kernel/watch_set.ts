/**
 * Descriptors that are watched by one descriptor, each with who is told: for work that is done in turns, by an event loop or by a
 * process that has none and blocks in poll(2).
 *
 * `fd` can be read as soon as a member is ready. Level-triggered, so that whoever leaves something for the next turn is told again.
 */

import { ARCH } from "./arch.ts";
import { closeFd } from "./file.ts";
import { O } from "./flags.ts";
import { pipe, setNonBlocking } from "./ready.ts";
import { check, sys } from "./syscall.ts";

/** include/uapi/linux/eventpoll.h; struct epoll_event is packed on x86-64 alone. */
const CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
const EPOLL = { IN: 1, OUT: 4 } as const;
const EVENT = ARCH === "x86_64" ? { size: 12, data: 4 } : { size: 16, data: 8 };
const MOST = 64;

/** What is waited for. */
export type Wish = "read" | "write" | "both" | "nothing";

const EVENTS: Readonly<Record<Wish, number>> = {
  read: EPOLL.IN,
  write: EPOLL.OUT,
  both: EPOLL.IN | EPOLL.OUT,
  nothing: 0,
};

export class WatchSet implements Disposable {
  readonly fd: number;
  readonly #members = new Map<number, () => void>();
  readonly #events = new Uint8Array(new ArrayBuffer(EVENT.size * MOST));
  readonly #view = new DataView(this.#events.buffer);
  #hungUp: number | undefined;

  /** @throws {SyscallError} */
  constructor() {
    this.fd = check(sys("epoll_create1", O.CLOEXEC), "make an epoll descriptor");
    setNonBlocking(this.fd, true);
  }

  /** Watches a descriptor, or watches it for something else; `told` must do without what it was told of. @throws {SyscallError} */
  watch(fd: number, wish: Wish, told: () => void): void {
    const event = new Uint8Array(new ArrayBuffer(EVENT.size));
    const view = new DataView(event.buffer);
    view.setUint32(0, EVENTS[wish], true);
    view.setInt32(EVENT.data, fd, true);
    const operation = this.#members.has(fd) ? CTL.MOD : CTL.ADD;
    check(sys("epoll_ctl", this.fd, operation, fd, event), "wait for a descriptor");
    this.#members.set(fd, told);
  }

  /** Watches it no more; it stays the caller's, who closes it after this. */
  forget(fd: number): void {
    if (this.#members.delete(fd)) sys("epoll_ctl", this.fd, CTL.DEL, fd, this.#events);
  }

  /** Tells some of the members that are ready; gives how many. */
  tell(): number {
    const count = sys("epoll_pwait", this.fd, this.#events, MOST, 0, 0, 8);
    for (let index = 0; index < count; index++)
      this.#members.get(this.#view.getInt32(index * EVENT.size + EVENT.data, true))?.();
    return Math.max(0, count);
  }

  /** Watches none of them any more, and wakes who waits: `fd` can be read from now on. */
  hangUp(): void {
    for (const fd of this.#members.keys()) this.forget(fd);
    const { read, write } = pipe();
    closeFd(write);
    this.#hungUp = read;
    this.watch(read, "read", () => undefined);
  }

  [Symbol.dispose](): void {
    this.#members.clear();
    closeFd(this.fd);
    if (this.#hungUp !== undefined) closeFd(this.#hungUp);
  }
}

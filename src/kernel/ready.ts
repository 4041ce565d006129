/**
 * Waiting for descriptors, and moving bytes through them, without a thread and without blocking the event loop.
 *
 * All descriptors here must be O_NONBLOCK and stay the caller's: nothing here closes them. What is watched is a duplicate that the
 * runtime makes, so the caller may close its own at any time; the duplicate goes a few milliseconds after the wait has ended.
 */

import { codeOf } from "../std/absent.ts";
import { ARCH } from "./arch.ts";
import { ERRNO } from "./errno.ts";
import { owned } from "./file.ts";
import { O } from "./flags.ts";
import { check, sys } from "./syscall.ts";

/** include/uapi/linux/eventpoll.h. */
const EPOLL = { CTL_ADD: 1, IN: 1, PRI: 2, OUT: 4 } as const;
const F_SETFL = 4;

/** Resolves when `fd` can be read or its other end has hung up. */
export function readable(fd: number): Promise<void> {
  return ready([fd, EPOLL.IN]);
}

/** Resolves when a file of cgroupfs has changed since it was read, poll in cgroups(7), or when `wake` can be read. */
export function changed(fd: number, wake: number): Promise<void> {
  return ready([fd, EPOLL.PRI], [wake, EPOLL.IN]);
}

/** Resolves when either can be read. */
export function eitherReadable(fd: number, wake: number): Promise<void> {
  return ready([fd, EPOLL.IN], [wake, EPOLL.IN]);
}

/** Resolves when `fd` can be written or its other end has hung up. */
export function writable(fd: number): Promise<void> {
  return ready([fd, EPOLL.OUT]);
}

/**
 * The runtime waits only for what it knows, but it watches any descriptor that it is told to read. An epoll descriptor
 * becomes readable as soon as one it watches is ready, and reading it then fails with EINVAL: that is the signal.
 */
async function ready(...watched: (readonly [fd: number, events: number])[]): Promise<void> {
  using epoll = owned(check(sys("epoll_create1", O.CLOEXEC), "make an epoll descriptor"));
  check(sys("fcntl", epoll.fd, F_SETFL, O.NONBLOCK), "make an epoll descriptor non-blocking");
  for (const [fd, events] of watched) {
    const added = sys("epoll_ctl", epoll.fd, EPOLL.CTL_ADD, fd, epollEvent(events));
    if (added === -ERRNO.EPERM) return; // regular files are always ready, epoll_ctl(2)
    check(added, "wait for a descriptor");
  }
  await untilEinval(epoll.fd);
}

/** struct epoll_event is packed on x86-64 alone. */
function epollEvent(events: number): Uint8Array {
  const event = new Uint8Array(ARCH === "x86_64" ? 12 : 16);
  new DataView(event.buffer).setUint32(0, events, true);
  return event;
}

/** Resolves when a read of `fd` ends in EINVAL, which is how epoll and pidfd descriptors tell readiness. */
export async function untilEinval(fd: number): Promise<void> {
  try {
    for await (const _ of Bun.file(fd).stream());
  } catch (error) {
    if (codeOf(error) !== "EINVAL") throw error;
  }
}

/**
 * Writes all of `data`, waiting whenever the descriptor is full; await it before writing more.
 * @throws {SyscallError} EPIPE when nobody reads any more.
 */
export async function writeAll(fd: number, data: Uint8Array): Promise<void> {
  let rest = data;
  while (rest.length > 0) {
    const count = sys("write", fd, rest, rest.length);
    if (count === -ERRNO.EAGAIN) await writable(fd);
    else if (count !== -ERRNO.EINTR) rest = rest.subarray(check(count, "write to a descriptor"));
  }
}

/** Two ends of a pipe or a socket pair. */
export interface Pipe {
  read: number;
  write: number;
}

/** A pipe; both ends close-on-exec and blocking unless `flags` holds O_NONBLOCK. @throws {SyscallError} */
export function pipe(flags = 0): Pipe {
  const ends = new Int32Array(2);
  check(sys("pipe2", ends, O.CLOEXEC | flags), "make a pipe");
  const [read = -1, write = -1] = ends;
  return { read, write };
}

/** Makes one end non-blocking, or blocking again: file status flags belong to the open file, and each end has its own. */
export function setNonBlocking(fd: number, on: boolean): void {
  const flags = check(sys("fcntl", fd, F_GETFL), "read a descriptor's flags");
  check(sys("fcntl", fd, F_SETFL, on ? flags | O.NONBLOCK : flags & ~O.NONBLOCK), "set a descriptor's flags");
}

const F_GETFL = 3;
const F_SETPIPE_SZ = 1031;

/** Asks for room in a pipe; where there may be no more (pipe(7), pipe-user-pages-soft) or it is no pipe, all stays as it is. */
export function widenPipe(fd: number, bytes: number): void {
  sys("fcntl", fd, F_SETPIPE_SZ, bytes);
}

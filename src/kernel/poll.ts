/**
 * Waiting with nothing loaded.
 *
 * This file stands alone: a process that has not much else in memory than this and waits here holds 1.8 MB of its own, of which
 * the door's other files would add half as much again.
 */

import { dlopen, FFIType } from "bun:ffi";

/** struct pollfd: int fd; short events, revents. */
const WORDS = 2;
const POLLIN = 1;
/** What was found stands in the upper half of the second word. */
const REVENTS = 16;
const FOR_EVER = -1;

/** Blocks this process, the event loop too, until one of `fds` can be read or its other end has hung up. Gives those. */
export function blockUntilReadable(fds: readonly number[]): number[] {
  return pollSet(fds)(FOR_EVER);
}

/** The same for waiting again and again: gives those that can be read, none when `patience` is over, in milliseconds; poll(2). */
export function pollSet(fds: readonly number[]): (patience: number) => number[] {
  const entries = new Int32Array(new ArrayBuffer(fds.length * WORDS * 4));
  fds.forEach((fd, index) => {
    entries.set([fd, POLLIN], index * WORDS);
  });
  return (patience) => {
    // A signal ends the wait early, with -1.
    while (poll(entries, fds.length, patience) < 0);
    return fds.filter((_, index) => (entries[index * WORDS + 1] ?? 0) >>> REVENTS !== 0);
  };
}

function poll(entries: Int32Array, count: number, patience: number): number {
  libc ??= dlopen("libc.so.6", {
    poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  });
  return libc.symbols.poll(entries, count, patience);
}

let libc: { symbols: { poll(entries: Int32Array, count: number, patience: number): number } } | undefined;

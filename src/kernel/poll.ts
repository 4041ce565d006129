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
const FOR_EVER = -1;

/** Blocks this process, the event loop too, until one of `fds` can be read or its other end has hung up; poll(2). */
export function blockUntilReadable(fds: readonly number[]): void {
  const entries = new Int32Array(fds.length * WORDS);
  fds.forEach((fd, index) => {
    entries.set([fd, POLLIN], index * WORDS);
  });
  const libc = dlopen("libc.so.6", {
    poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  });
  // A signal ends the wait early, with -1.
  while (libc.symbols.poll(entries, fds.length, FOR_EVER) < 0);
}

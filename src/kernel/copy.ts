/**
 * Copies of a file's content that the kernel makes: shared blocks where the file system can (ioctl_ficlone(2)), else by
 * copy_file_range(2), else by sendfile(2). Holes stay holes.
 */

import { ERRNO } from "./errno.ts";
import { check, sys } from "./syscall.ts";

const FICLONE = 0x40049409;
const SEEK = { SET: 0, DATA: 3, HOLE: 4 } as const;
/** Bytes that one call copies: some milliseconds, in which the process does nothing else. */
const STRETCH = 4 * 1024 * 1024;

/** Errnos by which copy_file_range says that it cannot between these files. */
const CANNOT: ReadonlySet<number> = new Set([ERRNO.EXDEV, ERRNO.EINVAL, ERRNO.ENOSYS, ERRNO.EOPNOTSUPP]);

/**
 * Copies all `size` bytes of a file that is open for reading into an empty one that is open for writing. Yields between
 * stretches, so that the caller can let others have their turn.
 * @throws {SyscallError}
 */
export function* copyContent(from: number, to: number, size: number): Generator<void> {
  if (sys("ioctl", to, FICLONE, from) === 0) return;
  check(sys("ftruncate", to, size), "set the size of a copy");
  for (let at = 0; at < size; ) {
    const start = sys("lseek", from, at, SEEK.DATA);
    // Nothing but a hole follows.
    if (start === -ERRNO.ENXIO) return;
    const begin = check(start, "find data in a file");
    const end = Math.min(size, check(sys("lseek", from, begin, SEEK.HOLE), "find a hole in a file"));
    yield* copyRange(from, to, { begin, end });
    at = end;
  }
}

function* copyRange(
  from: number,
  to: number,
  { begin, end }: { begin: number; end: number },
): Generator<void> {
  for (let at = begin; at < end; ) {
    const count = check(copyStretch(from, to, { at, length: Math.min(STRETCH, end - at) }), "copy a file");
    // It has become shorter meanwhile.
    if (count === 0) return;
    at += count;
    yield;
  }
}

const offsets = new BigInt64Array(new ArrayBuffer(16));

function copyStretch(from: number, to: number, { at, length }: { at: number; length: number }): number {
  offsets[0] = offsets[1] = BigInt(at);
  const copied = sys("copy_file_range", from, offsets.subarray(0, 1), to, offsets.subarray(1, 2), length, 0);
  if (copied >= 0 || !CANNOT.has(-copied)) return copied;
  check(sys("lseek", to, at, SEEK.SET), "go on in a copy");
  offsets[0] = BigInt(at);
  return sys("sendfile", to, from, offsets.subarray(0, 1), length);
}

/** Error numbers by name, and the error that carries one. Source: include/uapi/asm-generic/errno.h, errno(3). */

import { FathomError } from "../std/errors.ts";

/** The same on x86-64 and arm64. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  EMSGSIZE: 90,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EOVERFLOW: 75,
  ELIBBAD: 80,
  EUSERS: 87,
  EOPNOTSUPP: 95,
  EPROTONOSUPPORT: 93,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
  EDQUOT: 122,
} as const;

export type Errno = keyof typeof ERRNO;

const NAMES = new Map<number, Errno>(Object.entries(ERRNO).map(([name, number]) => [number, name as Errno]));

/** `ENOENT` for 2; `errno 999` for one without a name here. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `errno ${number}`;
}

/** A system call that failed: `mount /proc: EPERM`. */
export class SyscallError extends FathomError {
  /** The symbolic name, as Node's own errors carry it. */
  readonly code: string;
  readonly errno: number;
  /** What was attempted. */
  readonly what: string;

  constructor(what: string, errno: number) {
    const full =
      errno === ERRNO.ENOSPC || errno === ERRNO.EDQUOT || errno === ERRNO.EMFILE || errno === ERRNO.ENFILE;
    super(full ? "unavailable" : "internal", `${what}: ${errnoName(errno)}`);
    this.code = errnoName(errno);
    this.errno = errno;
    this.what = what;
  }
}

/** Facts about files, by statx(2), whose structure is the same on every processor. */

import { ERRNO } from "./errno.ts";
import { AT } from "./flags.ts";
import { check, sys } from "./syscall.ts";

/** What statx(2) says of a file. Device numbers are as mknod(2) takes them: see `device`. */
export interface Stat {
  /** File type and permission bits, inode(7). */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes. */
  size: number;
  nlink: number;
  /** Of a device file: the device it stands for. */
  rdev: number;
  /** The device the file is on. */
  dev: number;
  ino: bigint;
  /** Nanoseconds since the epoch. */
  mtime: bigint;
  /** Whether a mount is rooted here. */
  mountRoot: boolean;
  /** Which mount the file is seen through. */
  mount: bigint;
}

/**
 * Facts about a name below `directory`, text or NUL-terminated bytes, links not followed; undefined where there is nothing. The
 * empty name is what the descriptor itself names.
 * @throws {SyscallError}
 */
export function statAt(directory: number, path: string | Uint8Array): Stat | undefined {
  const answer = sys("statx", directory, path, AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH, WANTED, statxBytes);
  if (answer === -ERRNO.ENOENT || answer === -ERRNO.ENOTDIR) return undefined;
  check(answer, `stat ${typeof path === "string" ? path : "a name in a directory"}`);
  return parseStat();
}

/** Facts about an open file. @throws {SyscallError} */
export function statFd(fd: number): Stat {
  check(sys("statx", fd, "", AT.EMPTY_PATH, WANTED, statxBytes), "stat a descriptor");
  return parseStat();
}

/** STATX_BASIC_STATS | STATX_MNT_ID. */
const WANTED = 0x7ff | 0x1000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;
/** One buffer serves all: it is parsed before anything else can run. */
const statxBytes = new Uint8Array(new ArrayBuffer(256));
const statx = new DataView(statxBytes.buffer);

/** struct statx of include/uapi/linux/stat.h, the same on every processor. */
function parseStat(): Stat {
  return {
    mode: statx.getUint16(28, true),
    uid: statx.getUint32(20, true),
    gid: statx.getUint32(24, true),
    size: Number(statx.getBigUint64(40, true)),
    nlink: statx.getUint32(16, true),
    rdev: device(statx.getUint32(128, true), statx.getUint32(132, true)),
    dev: device(statx.getUint32(136, true), statx.getUint32(140, true)),
    ino: statx.getBigUint64(32, true),
    mtime: statx.getBigInt64(112, true) * 1_000_000_000n + BigInt(statx.getUint32(120, true)),
    mount: statx.getBigUint64(144, true),
    mountRoot: (statx.getUint32(8, true) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

/** A device number as the kernel takes it: new_encode_dev of include/linux/kdev_t.h. */
export function device(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The two halves of a device number. */
export function majorMinor(dev: number): { major: number; minor: number } {
  return { major: (dev >>> 8) & 0xfff, minor: (dev & 0xff) | ((dev >>> 12) & 0xfff00) };
}

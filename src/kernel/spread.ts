/**
 * Where a file system puts what is made in a directory.
 *
 * ext4 keeps a directory near its parent, and a file near its directory. Trees that have nothing to do with each other then crowd
 * into the same groups of inodes, and each new file there looks past every inode that was given back in the last minutes, one by
 * one (fs/ext4/ialloc.c, recently_deleted): after an image of 30,000 files was removed, unpacking it again takes ten times as long.
 * Below a directory marked as the top of hierarchies each subdirectory begins in a group of its own (chattr(1), T).
 */

import { type Argument, bytes, named } from "./call.ts";
import { ERRNO, type Errno } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { check, perform, sys } from "./syscall.ts";

/** Source: include/uapi/linux/fs.h, ioctl_iflags(2): the flags are an int, whatever the numbers of the calls say. */
const FS_IOC_GETFLAGS = 0x8008_6601;
const FS_IOC_SETFLAGS = 0x4008_6602;
const FS_TOPDIR_FL = 0x0002_0000;

/** File systems that know no such flag place their files in other ways. */
const WITHOUT_FLAG: readonly Errno[] = ["ENOTTY", "EOPNOTSUPP", "EINVAL", "EPERM"];

/** Has each directory made in this one from now on begin in a place of its own; false where the file system has no such mark. */
export function spreadBelow(path: string): boolean {
  const opened = sys("openat", AT.FDCWD, path, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  using directory = owned(check(opened, `open ${path}`));
  const flags = new Int32Array(new ArrayBuffer(8));
  const answer = sys("ioctl", directory.fd, FS_IOC_GETFLAGS, flags);
  if (WITHOUT_FLAG.some((errno) => answer === -ERRNO[errno])) return false;
  check(answer, `read the attributes of ${path}`);
  const before = flags[0] ?? 0;
  if ((before & FS_TOPDIR_FL) !== 0) return true;
  flags[0] = before | FS_TOPDIR_FL;
  const memory: Argument = bytes(new Uint8Array(flags.buffer), "[… | FS_TOPDIR_FL]");
  const what = `mark ${path} as the top of hierarchies`;
  const args = [named(directory.fd, JSON.stringify(path)), named(FS_IOC_SETFLAGS, "FS_IOC_SETFLAGS"), memory];
  return perform({ call: "ioctl", args, may: WITHOUT_FLAG, what, see: `lsattr -d ${path}` }) === 0;
}

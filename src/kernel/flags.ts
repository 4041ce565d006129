/**
 * Flags of the kernel's interfaces, and their names for receipts.
 *
 * Source: include/uapi/linux/{fcntl,sched,mount,openat2,prctl}.h. Where the two processors differ, ARCH decides.
 */

import { ARCH } from "./arch.ts";
import { type Argument, named } from "./call.ts";

/** open(2). */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: ARCH === "x86_64" ? 0o200000 : 0o40000,
  NOFOLLOW: ARCH === "x86_64" ? 0o400000 : 0o100000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

/** flock(2). */
export const LOCK = { EX: 2, NB: 4 } as const;

/** openat2(2), `resolve`. */
export const RESOLVE = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16 } as const;

/** clone(2), unshare(2), setns(2). */
export const CLONE = {
  VM: 0x100,
  FS: 0x200,
  PIDFD: 0x1000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  PARENT_SETTID: 0x100000,
  NEWTIME: 0x80,
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  CLEAR_SIGHAND: 0x100000000,
  INTO_CGROUP: 0x200000000,
} as const;

/** mount(2). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  STRICTATIME: 1 << 24,
} as const;

/** mount_setattr(2) and fsmount(2). */
export const MOUNT_ATTR = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
} as const;

/** umount2(2). */
export const MNT = { FORCE: 1, DETACH: 2, EXPIRE: 4, NOFOLLOW: 8 } as const;

/** The …at family, open_tree(2), move_mount(2). */
export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
} as const;
/** File types in `mode`, inode(7). */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
} as const;
export const OPEN_TREE = { CLONE: 1, CLOEXEC: O.CLOEXEC } as const;
export const MOVE_MOUNT = { F_EMPTY_PATH: 4, T_EMPTY_PATH: 0x40 } as const;

/** fsopen(2), fsconfig(2), fsmount(2). */
export const FSOPEN_CLOEXEC = 1;
export const FSMOUNT_CLOEXEC = 1;
export const FSCONFIG = {
  SET_FLAG: 0,
  SET_STRING: 1,
  SET_BINARY: 2,
  SET_PATH: 3,
  SET_PATH_EMPTY: 4,
  SET_FD: 5,
  CMD_CREATE: 6,
} as const;

type Flags = Readonly<Record<string, number>>;

/** `MS_NOSUID|MS_NODEV` for a number; bits without a name are shown in hexadecimal. */
export function flagsText(prefix: string, names: Flags, value: number): string {
  const known = texts.get(names) ?? new Map<number, string>();
  const text = known.get(value) ?? joinFlags(prefix, names, value);
  known.set(value, text);
  texts.set(names, known);
  return text;
}

/** A program names the same few combinations in hundreds of rows. */
const texts = new WeakMap<Flags, Map<number, string>>();

function joinFlags(prefix: string, names: Flags, value: number): string {
  const parts: string[] = [];
  let rest = value;
  for (const [name, bit] of Object.entries(names)) {
    if (bit > 0 && has(rest, bit)) {
      parts.push(`${prefix}_${name}`);
      rest -= bit;
    }
  }
  if (rest !== 0 || parts.length === 0) parts.push(rest === 0 ? "0" : `0x${rest.toString(16)}`);
  return parts.join("|");
}

/** A flags argument, shown by its names. */
export function flags(prefix: string, names: Flags, value: number): Argument {
  return named(value, flagsText(prefix, names, value));
}

/** Also right above 2^31, where JavaScript's own bit operators are not. */
function has(value: number, bit: number): boolean {
  return (BigInt(value) & BigInt(bit)) === BigInt(bit);
}

/**
 * Files named by a directory's descriptor and bytes, for unpacking: a few thousand of them a second, none allocating.
 *
 * Every function gives the kernel's answer, negative errnos included: what a failure means depends on the entry.
 */

import { AT, bytes, ERRNO, named, O, perform, RESOLVE, S, sys } from "../kernel/mod.ts";
import { type ByteString, nameBytes, shownName } from "./_names.ts";

/** A name in an open directory. */
export interface At {
  directory: number;
  name: ByteString;
}

const openHow = new BigUint64Array(new ArrayBuffer(24));
/** openat2(2) may answer EAGAIN for ever only if somebody renames for ever. */
const MOST_RACES = 128;

/**
 * A descriptor (O_PATH) of the directory at `path` below `root`. EXDEV when a link on the way leads out of the root or is
 * absolute (openat2(2), RESOLVE_BENEATH).
 */
export function openDirectoryBeneath(root: number, path: ByteString): number {
  openHow[0] = BigInt(O.PATH | O.DIRECTORY | O.CLOEXEC);
  openHow[2] = BigInt(RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
  const name = nameBytes(path === "" ? "." : path);
  let fd = -ERRNO.EAGAIN;
  for (let race = 0; fd === -ERRNO.EAGAIN && race < MOST_RACES; race += 1) {
    fd = sys("openat2", root, name, openHow, openHow.byteLength);
  }
  return fd;
}

const NEW_FILE = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;

/** A new file, open for writing; EEXIST where something of that name is. */
export function createFile({ directory, name }: At): number {
  return sys("openat", directory, nameBytes(name), NEW_FILE, 0o600);
}

export function makeDirectory({ directory, name }: At, mode: number): number {
  return sys("mkdirat", directory, nameBytes(name), mode);
}

export function makeSymlink(target: ByteString, { directory, name }: At): number {
  return sys("symlinkat", nameBytes(target, 1), directory, nameBytes(name));
}

/** Another name of a file; a symbolic link is not followed. */
export function makeLink(from: At, to: At): number {
  return sys("linkat", from.directory, nameBytes(from.name, 1), to.directory, nameBytes(to.name), 0);
}

/** A device is kernel state, so making one is a step of the receipt; a FIFO is not. */
export function makeNode({ directory, name }: At, mode: number, rdev: number): number {
  const type = mode & S.IFMT;
  if (type !== S.IFCHR && type !== S.IFBLK) return sys("mknodat", directory, nameBytes(name), mode, rdev);
  return perform({
    call: "mknodat",
    args: [directory, bytes(nameBytes(name), shownName(name)), named(mode, `0${mode.toString(8)}`), rdev],
    may: "any",
    what: `make device ${shownName(name)}`,
  });
}

export function removeName({ directory, name }: At): number {
  return sys("unlinkat", directory, nameBytes(name), 0);
}

export function rename(from: At, to: At): number {
  return sys("renameat2", from.directory, nameBytes(from.name, 1), to.directory, nameBytes(to.name), 0);
}

export function changeOwner({ directory, name }: At, uid: number, gid: number): number {
  return sys("fchownat", directory, nameBytes(name), uid, gid, AT.SYMLINK_NOFOLLOW);
}

/** Follows a symbolic link, for there is no other way: never for one. */
export function changeMode({ directory, name }: At, mode: number): number {
  return sys("fchmodat", directory, nameBytes(name), mode);
}

const times = new BigInt64Array(new ArrayBuffer(32));
const SECOND = 1_000_000_000n;

/** Both times of a file that is open (`name` undefined) or named. */
export function setTimes(
  { directory, name }: { directory: number; name?: ByteString },
  mtime: bigint,
): number {
  // Towards minus infinity, so that the nanoseconds of a time before 1970 are not negative.
  const nanoseconds = ((mtime % SECOND) + SECOND) % SECOND;
  times[0] = times[2] = (mtime - nanoseconds) / SECOND;
  times[1] = times[3] = nanoseconds;
  if (name === undefined) return sys("utimensat", directory, 0, times, 0);
  return sys("utimensat", directory, nameBytes(name), times, AT.SYMLINK_NOFOLLOW);
}

/** Sets an attribute of a file that is open or, by way of its directory's descriptor, of any other, links not followed. */
export function setAttribute(file: number | At, attribute: string, value: Uint8Array): number {
  if (typeof file === "number") return sys("fsetxattr", file, attribute, value, value.length, 0);
  const path = nameBytes(`/proc/self/fd/${file.directory}/${file.name}`);
  return sys("lsetxattr", path, attribute, value, value.length, 0);
}

/** Facts about what has a name. */
export interface Facts {
  mode: number;
  size: number;
  nlink: number;
  rdev: number;
  inode: string;
}

const STATX_BASIC_STATS = 0x7ff;
const statxBytes = new Uint8Array(new ArrayBuffer(256));
const view = new DataView(statxBytes.buffer);

/** struct statx of include/uapi/linux/stat.h; undefined where nothing has that name. */
export function factsOf({ directory, name }: At): Facts | undefined {
  const answer = sys("statx", directory, nameBytes(name), AT.SYMLINK_NOFOLLOW, STATX_BASIC_STATS, statxBytes);
  if (answer < 0) return undefined;
  return {
    mode: view.getUint16(28, true),
    size: Number(view.getBigUint64(40, true)),
    nlink: view.getUint32(16, true),
    // Only whether it is device 0/0 is asked for.
    rdev: view.getUint32(128, true) + view.getUint32(132, true),
    inode: `${view.getUint32(136, true)}:${view.getUint32(140, true)}:${view.getBigUint64(32, true)}`,
  };
}

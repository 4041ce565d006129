/**
 * Names in open directories: making, linking, moving and removing them, and what is known of them.
 *
 * A name is bytes, not text, as Linux has it, and goes to the kernel without an allocation: an archive has thousands of them.
 * No function here follows a symbolic link, but where it says so.
 *
 * Every function that makes or changes gives the kernel's answer, negative errnos included: what a failure means, its caller
 * knows. Files are not kernel state, so only a device is a step of the receipt.
 */

import { FathomError } from "../std/errors.ts";
import { bytes, named } from "./call.ts";
import { openat2 } from "./file.ts";
import { AT, O, RESOLVE, S } from "./flags.ts";
import { majorMinor, type Stat, statAt } from "./stat.ts";
import { perform, sys } from "./syscall.ts";

/** Bytes as a string of one character each (latin1), which splits, compares and serves as a key exactly. */
export type ByteString = string;

/** A name below an open directory. */
export interface At {
  directory: number;
  name: ByteString;
}

/**
 * A descriptor (O_PATH) of the directory at `path` below `root`, "" being `root` itself. Links are followed; EXDEV when one leads
 * out of the root or is absolute (openat2(2), RESOLVE_BENEATH).
 */
export function openDirectoryBeneath(root: number, path: ByteString): number {
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS;
  return openat2(root, nameBytes(path === "" ? "." : path), { how: O.PATH | O.DIRECTORY, resolve });
}

const NEW_FILE = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;

/** A descriptor of what has the name, itself and not what a link leads to; O_NOFOLLOW and O_CLOEXEC are always added. */
export function openName({ directory, name }: At, how: number): number {
  return sys("openat", directory, nameBytes(name), how | O.NOFOLLOW | O.CLOEXEC);
}

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

/** Another name of a file, be it a symbolic link. */
export function makeLink(from: At, to: At): number {
  return sys("linkat", from.directory, nameBytes(from.name, 1), to.directory, nameBytes(to.name), 0);
}

/** A device, FIFO or socket file: `mode` with the file type, `rdev` as `device` makes it (0 for a FIFO or socket). */
export function makeNode({ directory, name }: At, mode: number, rdev: number): number {
  const type = mode & S.IFMT;
  if (type !== S.IFCHR && type !== S.IFBLK) return sys("mknodat", directory, nameBytes(name), mode, rdev);
  const { major, minor } = majorMinor(rdev);
  const shownMode = `S_IF${type === S.IFCHR ? "CHR" : "BLK"}|0${(mode & 0o7777).toString(8)}`;
  return perform({
    call: "mknodat",
    args: [
      directory,
      bytes(nameBytes(name), shownName(name)),
      named(mode, shownMode),
      named(rdev, `makedev(${major}, ${minor})`),
    ],
    may: "any",
    what: `make device ${shownName(name)}`,
  });
}

/** Not for a directory. */
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

/** Both times, nanoseconds since the epoch, of a file that is open (`name` undefined) or named. */
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

/** Sets an extended attribute of a file that is open or, by way of its directory's descriptor, of any other. */
export function setAttribute(file: number | At, attribute: string, value: Uint8Array): number {
  if (typeof file === "number") return sys("fsetxattr", file, attribute, value, value.length, 0);
  const path = nameBytes(`/proc/self/fd/${file.directory}/${file.name}`);
  return sys("lsetxattr", path, attribute, value, value.length, 0);
}

/** Facts about what has a name, undefined where nothing has; `name` "" is the directory itself. @throws {SyscallError} */
export function factsOf({ directory, name }: At): Stat | undefined {
  return statAt(directory, nameBytes(name));
}

/** The name as a person reads it, quoted. */
function shownName(name: ByteString): string {
  return JSON.stringify(Buffer.from(name, "latin1").toString());
}

const PATH_MAX = 4096;
/** Room for `/proc/self/fd/…/` before a name. */
const PREFIX_MAX = 64;

/** Memory for the names of one call: two fit at a time, and each is overwritten by the next of its slot. */
const memory = [Buffer.alloc(PATH_MAX + PREFIX_MAX), Buffer.alloc(PATH_MAX + PREFIX_MAX)] as const;

/** The NUL-terminated bytes of a name, until the next call with the same `slot`. For this folder. @throws {FathomError} invalid */
export function nameBytes(name: ByteString, slot: 0 | 1 = 0): Uint8Array {
  if (name.length >= PATH_MAX) {
    throw new FathomError(
      "invalid",
      `a name of ${name.length} bytes is too long: Linux allows ${PATH_MAX - 1}`,
    );
  }
  const buffer = memory[slot];
  const end = buffer.write(name, 0, "latin1");
  buffer[end] = 0;
  return buffer;
}

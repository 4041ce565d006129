/**
 * Files by descriptors and by paths that cannot leave a root.
 *
 * Files are not kernel state, so nothing here is a step of a receipt but making a device. All calls are synchronous and block as long as the file system does.
 */

import { FathomError } from "../std/errors.ts";
import { named, text } from "./call.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { AT, O, RESOLVE, S } from "./flags.ts";
import { majorMinor, statFd } from "./stat.ts";
import { check, perform, sys } from "./syscall.ts";

/** A directory, by its descriptor or its path. */
export type Directory = number | string;

/** Flags of open(2), with the permission bits of a file that O_CREAT makes. O_CLOEXEC is always added. */
export type How = number | { flags: number; mode: number };

/**
 * Opens `path` as a process chrooted to `root` would: absolute links and `..` stay inside (openat2(2), RESOLVE_IN_ROOT).
 * @throws {SyscallError}
 */
export function openInRoot(root: Directory, path: string, how: How): number {
  return openResolved(root, path, { how, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS });
}

/**
 * Opens `path` below `root`; a path or link that would lead out of it is refused with EXDEV (openat2(2), RESOLVE_BENEATH).
 * @throws {SyscallError}
 */
export function openBeneath(root: Directory, path: string, how: How): number {
  return openResolved(root, path, { how, resolve: RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS });
}

/** The kernel gives up with EAGAIN when something is renamed while it resolves `..`. */
const MOST_RACES = 128;

function openResolved(
  root: Directory,
  path: string,
  { how, resolve }: { how: How; resolve: number },
): number {
  using directory = opened(root);
  const flags = typeof how === "number" ? how : how.flags;
  const mode = typeof how === "number" ? 0 : how.mode;
  const openHow = new BigUint64Array([BigInt(flags | O.CLOEXEC), BigInt(mode), BigInt(resolve)]);
  const open = (): number => sys("openat2", directory.fd, path, openHow, openHow.byteLength);
  let fd = open();
  for (let race = 0; fd === -ERRNO.EAGAIN && race < MOST_RACES; race++) fd = open();
  return check(fd, `open ${path}`);
}

/** A descriptor that only names a place (O_PATH). @throws {SyscallError} */
export function openPath(path: string): number {
  return check(sys("openat", AT.FDCWD, path, O.PATH | O.CLOEXEC), `open ${path}`);
}

/** A descriptor that is closed at the end of the scope that holds it with `using`. */
export function owned(fd: number): Disposable & { fd: number } {
  return { fd, [Symbol.dispose]: () => closeFd(fd) };
}

/** A directory by descriptor: the caller's own, or one for the scope that holds this with `using`. */
function opened(directory: Directory): Disposable & { fd: number } {
  return typeof directory === "number" ? borrowed(directory) : owned(openPath(directory));
}

function borrowed(fd: number): Disposable & { fd: number } {
  return { fd, [Symbol.dispose]: () => undefined };
}

/** Closes a descriptor. It is gone whatever the answer (close(2)), so there is nothing to report. */
export function closeFd(fd: number): void {
  sys("close", fd);
}

/**
 * The text of a regular file inside a root, undefined where there is none at that path.
 * @throws {FathomError} invalid, when it holds more than `limit` bytes.
 */
export function readFileInRoot(root: Directory, path: string, limit: number): string | undefined {
  using directory = opened(root);
  let fd: number;
  try {
    fd = openInRoot(directory.fd, path, O.RDONLY | O.NONBLOCK | O.NOCTTY);
  } catch (error) {
    if (error instanceof SyscallError && ABSENT.has(error.errno)) return undefined;
    throw error;
  }
  using file = owned(fd);
  if ((statFd(file.fd).mode & S.IFMT) !== S.IFREG) return undefined;
  return readText(file.fd, path, limit);
}

const ABSENT: ReadonlySet<number> = new Set([ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.ELOOP, ERRNO.ENXIO]);

const decoder = new TextDecoder();

/** All that is left in an open file. For this folder. @throws {FathomError} invalid, when it is more than `limit` bytes. */
export function readText(fd: number, path: string, limit: number): string {
  let buffer = new Uint8Array(Math.min(limit + 1, 4096));
  let length = 0;
  for (;;) {
    const count = check(sys("read", fd, buffer.subarray(length), buffer.length - length), `read ${path}`);
    length += count;
    if (count === 0) return decoder.decode(buffer.subarray(0, length));
    if (length > limit)
      throw new FathomError("invalid", `${path} holds more than the ${limit} bytes that are read`);
    if (length === buffer.length) buffer = grown(buffer, limit + 1);
  }
}

function grown(buffer: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(buffer.length * 4, most));
  larger.set(buffer);
  return larger;
}

/** A name below an open directory. */
export interface Place {
  directory: number;
  path: string;
}

/** Makes a directory; false where something of that name exists. @throws {SyscallError} */
export function mkdirAt(directory: number, path: string, mode: number): boolean {
  const answer = sys("mkdirat", directory, path, mode);
  if (answer === -ERRNO.EEXIST) return false;
  check(answer, `make directory ${path}`);
  return true;
}

/** Makes a symbolic link at a place that leads to `target`. @throws {SyscallError} */
export function symlinkAt(target: string, { directory, path }: Place): void {
  check(sys("symlinkat", target, directory, path), `make link ${path}`);
}

/** Makes `to` another name of the file at `from`, which is not followed if it is a symbolic link. @throws {SyscallError} */
export function linkAt(from: Place, to: Place): void {
  check(
    sys("linkat", from.directory, from.path, to.directory, to.path, 0),
    `link ${to.path} to ${from.path}`,
  );
}

/** Removes a name; an empty directory with `AT.REMOVEDIR`. False where there is none. @throws {SyscallError} */
export function unlinkAt(directory: number, path: string, flags = 0): boolean {
  const answer = sys("unlinkat", directory, path, flags);
  if (answer === -ERRNO.ENOENT) return false;
  check(answer, `remove ${path}`);
  return true;
}

/** Gives a file to an owner; a symbolic link itself, not what it leads to. @throws {SyscallError} */
export function chownAt({ directory, path }: Place, uid: number, gid: number): void {
  check(sys("fchownat", directory, path, uid, gid, AT.SYMLINK_NOFOLLOW), `change the owner of ${path}`);
}

/** Sets the times of access and change, nanoseconds since the epoch; of a symbolic link itself. @throws {SyscallError} */
export function setTimesAt({ directory, path }: Place, atime: bigint, mtime: bigint): void {
  timespecs[0] = floorDivide(atime);
  timespecs[1] = atime - timespecs[0] * SECOND;
  timespecs[2] = floorDivide(mtime);
  timespecs[3] = mtime - timespecs[2] * SECOND;
  check(sys("utimensat", directory, path, timespecs, AT.SYMLINK_NOFOLLOW), `set the times of ${path}`);
}

const SECOND = 1_000_000_000n;
const timespecs = new BigInt64Array(new ArrayBuffer(32));

/** Towards minus infinity, so that the nanoseconds of a time before 1970 are not negative. */
function floorDivide(ns: bigint): bigint {
  const seconds = ns / SECOND;
  return ns < 0n && seconds * SECOND !== ns ? seconds - 1n : seconds;
}

/** Sets an extended attribute of an open file, or of what is at a path, links not followed. @throws {SyscallError} */
export function setXattr(file: number | string, name: string, value: Uint8Array): void {
  const call = typeof file === "number" ? "fsetxattr" : "lsetxattr";
  check(sys(call, file, name, value, value.length, 0), `set ${name}`);
}

/**
 * Makes a device, FIFO or socket file; a device is a step of the receipt.
 * @param node `mode` with the file type, `rdev` as `device` makes it (0 for a FIFO or socket).
 * @throws {SyscallError}
 */
export function mknodAt(directory: number, path: string, node: { mode: number; rdev: number }): void {
  const type = node.mode & S.IFMT;
  if (type !== S.IFCHR && type !== S.IFBLK) {
    check(sys("mknodat", directory, path, node.mode, node.rdev), `make ${path}`);
    return;
  }
  const { major, minor } = majorMinor(node.rdev);
  const mode = `S_IF${type === S.IFCHR ? "CHR" : "BLK"}|0${(node.mode & 0o7777).toString(8)}`;
  perform({
    call: "mknodat",
    args: [
      named(directory, directory === AT.FDCWD ? "AT_FDCWD" : String(directory)),
      text(path),
      named(node.mode, mode),
      named(node.rdev, `makedev(${major}, ${minor})`),
    ],
    what: `make device ${path}`,
    see: `ls -l ${path}`,
  });
}

/**
 * Copies the rest of one open file to another inside the kernel, sharing extents where the file system can.
 * Gives the number of bytes copied. @throws {SyscallError}
 */
export function copyRange(from: number, to: number, size: number): number {
  let copied = 0;
  while (copied < size) {
    const count = sys("copy_file_range", from, 0, to, 0, Math.min(size - copied, MOST_AT_ONCE), 0);
    if (count < 0 && copied === 0 && NOT_IN_KERNEL.has(-count)) return copyByBuffer(from, to, size);
    if (check(count, "copy a file") === 0) break;
    copied += count;
  }
  return copied;
}

const MOST_AT_ONCE = 0x7fff_f000;
/** Answers of file systems that cannot, copy_file_range(2). */
const NOT_IN_KERNEL: ReadonlySet<number> = new Set([
  ERRNO.EXDEV,
  ERRNO.EINVAL,
  ERRNO.ENOSYS,
  ERRNO.EOPNOTSUPP,
  ERRNO.EBADF,
]);

function copyByBuffer(from: number, to: number, size: number): number {
  const buffer = new Uint8Array(256 * 1024);
  let copied = 0;
  while (copied < size) {
    const count = check(
      sys("read", from, buffer, Math.min(buffer.length, size - copied)),
      "read a file to copy",
    );
    if (count === 0) break;
    let written = 0;
    while (written < count) {
      written += check(sys("write", to, buffer.subarray(written, count), count - written), "write a copy");
    }
    copied += count;
  }
  return copied;
}

/** Names of the directories in a directory; none where it is gone. @throws {SyscallError} */
export function subdirectories(path: string): string[] {
  const fd = sys("openat", AT.FDCWD, path, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  if (fd === -ERRNO.ENOENT) return [];
  using directory = owned(check(fd, `open ${path}`));
  const names: string[] = [];
  const buffer = new Uint8Array(new ArrayBuffer(32 * 1024));
  for (;;) {
    const count = check(sys("getdents64", directory.fd, buffer, buffer.length), `read directory ${path}`);
    if (count === 0) return names;
    names.push(...directoryNames(buffer.subarray(0, count)));
  }
}

/** struct linux_dirent64, getdents64(2): ino, off, record length at 16, type at 18, name at 19. */
function directoryNames(records: Uint8Array): string[] {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const names: string[] = [];
  for (let at = 0; at < records.length; at += view.getUint16(at + 16, true)) {
    const name = records.subarray(at + 19, records.indexOf(0, at + 19));
    if (records[at + 18] === DT_DIR) names.push(decoder.decode(name));
  }
  return names.filter((name) => name !== "." && name !== "..");
}

const DT_DIR = 4;

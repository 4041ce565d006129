/**
 * Descriptors of files, and paths that cannot leave a root. Names in a directory are in at.ts.
 *
 * Files are not kernel state, so nothing here is a step of a receipt. All calls are synchronous and block as long as the file
 * system does.
 */

import { FathomError } from "../std/errors.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { AT, O, RESOLVE, S } from "./flags.ts";
import { statFd } from "./stat.ts";
import { check, sys } from "./syscall.ts";

/** A directory, by its descriptor or its path. */
export type Directory = number | string;

/** Flags of open(2), with the permission bits of a file that O_CREAT makes. O_CLOEXEC is always added. */
export type How = number | { flags: number; mode: number };

/**
 * Opens `path` as a process chrooted to `root` would: absolute links and `..` stay inside (openat2(2), RESOLVE_IN_ROOT).
 * @throws {SyscallError}
 */
export function openInRoot(root: Directory, path: string, how: How): number {
  using directory = opened(root);
  const resolve = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;
  return check(openat2(directory.fd, path, { how, resolve }), `open ${path}`);
}

/** The kernel gives up with EAGAIN when something is renamed while it resolves `..`. */
const MOST_RACES = 128;
const openHow = new BigUint64Array(new ArrayBuffer(24));

/** The answer of openat2(2), close-on-exec, tried again while others rename. For this folder. */
export function openat2(
  directory: number,
  path: string | Uint8Array,
  { how, resolve }: { how: How; resolve: number },
): number {
  const { flags, mode } = typeof how === "number" ? { flags: how, mode: 0 } : how;
  openHow[0] = BigInt(flags | O.CLOEXEC);
  openHow[1] = BigInt(mode);
  openHow[2] = BigInt(resolve);
  let fd = -ERRNO.EAGAIN;
  for (let race = 0; fd === -ERRNO.EAGAIN && race < MOST_RACES; race++) {
    fd = sys("openat2", directory, path, openHow, openHow.byteLength);
  }
  return fd;
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

/**
 * Reading what is in directories, by descriptor: names, links, attributes, contents.
 *
 * Whoever walks a tree with these cannot be led out of it: no call follows a symbolic link, and a directory is what its descriptor
 * says, whatever others do to names meanwhile. Nothing here has an effect.
 */

import { type At, type ByteString, nameBytes } from "./at.ts";
import { ERRNO } from "./errno.ts";
import { openat2, owned } from "./file.ts";
import { AT, O, RESOLVE } from "./flags.ts";
import { check, sys } from "./syscall.ts";

/** A directory for reading its names, or -errno; never by way of a symbolic link. */
export function openDirectory({ directory, name }: At): number {
  const how = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
  return sys("openat", directory, nameBytes(name === "" ? "." : name), how);
}

/** A regular file for reading, or -errno. A FIFO that took its name does not hold us up. */
export function openFile({ directory, name }: At): number {
  const how = O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
  return sys("openat", directory, nameBytes(name), how);
}

/** A descriptor (O_PATH) of what `path` names for a process whose root is `root`, or -errno. The last link is not followed. */
export function findInRoot(root: number, path: ByteString, options: { follow: boolean }): number {
  const resolve = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;
  const how = O.PATH | (options.follow ? 0 : O.NOFOLLOW);
  return openat2(root, nameBytes(path === "" ? "/" : path), { how, resolve });
}

const listing = new Uint8Array(new ArrayBuffer(64 * 1024));
const listed = Buffer.from(listing.buffer);

/** The names in an open directory, sorted by their bytes, without `.` and `..`. @throws {SyscallError} */
export function namesIn(directory: number): ByteString[] {
  const names: ByteString[] = [];
  for (;;) {
    const count = check(sys("getdents64", directory, listing, listing.length), "read a directory");
    if (count === 0) return names.sort((a, b) => (a < b ? -1 : 1));
    // struct linux_dirent64, getdents64(2): the record's length at 16, the name at 19.
    for (let at = 0; at < count; at += listed.readUInt16LE(at + 16)) {
      const name = listed.toString("latin1", at + 19, listed.indexOf(0, at + 19));
      if (name !== "." && name !== "..") names.push(name);
    }
  }
}

const target = Buffer.from(new ArrayBuffer(4096));

/** Where a symbolic link leads; undefined where there is none. `name` "" is what the descriptor itself names. */
export function linkTarget({ directory, name }: At): ByteString | undefined {
  const count = sys("readlinkat", directory, nameBytes(name), target, target.length);
  return count < 0 ? undefined : target.toString("latin1", 0, count);
}

const attributeNames = Buffer.from(new ArrayBuffer(64 * 1024));
const attributeValue = Buffer.from(new ArrayBuffer(64 * 1024));

/** Extended attributes of what has a name, those that `wanted` says; none where the file system knows none. */
export function attributesOf(at: At, wanted: (attribute: string) => boolean): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const path = at.directory === AT.FDCWD ? at.name : `/proc/self/fd/${at.directory}/${at.name}`;
  const length = sys("llistxattr", nameBytes(path), attributeNames, attributeNames.length);
  if (length <= 0) return found;
  for (const attribute of attributeNames.toString("latin1", 0, length - 1).split("\0")) {
    if (!wanted(attribute)) continue;
    const size = sys("lgetxattr", nameBytes(path), attribute, attributeValue, attributeValue.length);
    if (size >= 0) found.set(attribute, new Uint8Array(attributeValue.subarray(0, size)));
  }
  return found;
}

/** Bytes of an open file from `offset` on; fewer than `into` takes at its end. @throws {SyscallError} */
export function readAt(fd: number, into: Uint8Array, offset: number): number {
  let done = 0;
  while (done < into.length) {
    const rest = into.subarray(done);
    const count = sys("pread64", fd, rest, rest.length, offset + done);
    if (count === -ERRNO.EINTR) continue;
    if (check(count, "read a file") === 0) break;
    done += count;
  }
  return done;
}

/** struct statfs: f_type first; f_flags, which hold the mount's, at 80 on 64-bit systems. */
const statfs = new BigUint64Array(new ArrayBuffer(120));
const FLAGS_AT = 80 / 8;
const ST_RDONLY = 1n;

/** Whether the mount or the file system that a descriptor is on refuses writes. @throws {SyscallError} */
export function isReadOnly(fd: number): boolean {
  check(sys("fstatfs", fd, statfs), "ask for a file system");
  return ((statfs[FLAGS_AT] ?? 0n) & ST_RDONLY) !== 0n;
}

/**
 * Takes away whatever has a name, a directory with all that is in it; 0 or -errno. Neither links nor mounts are crossed: a mount
 * gives EBUSY.
 */
export function removeAll(at: At): number {
  const answer = sys("unlinkat", at.directory, nameBytes(at.name), 0);
  if (answer !== -ERRNO.EISDIR && answer !== -ERRNO.EPERM) return answer;
  const fd = openDirectory(at);
  if (fd < 0) return fd;
  using directory = owned(fd);
  for (const name of namesIn(directory.fd)) {
    const inner = removeAll({ directory: directory.fd, name });
    if (inner < 0 && inner !== -ERRNO.ENOENT) return inner;
  }
  return sys("unlinkat", at.directory, nameBytes(at.name), AT.REMOVEDIR);
}

/**
 * Trees that others may be changing: opening what is in them, reading it, taking it away.
 *
 * Whoever walks a tree with these cannot be led out of it: no call follows a symbolic link, and a directory is what its descriptor
 * says, whatever others do to names meanwhile. What a directory holds is in directory.ts.
 */

import { type At, type ByteString, nameBytes } from "./at.ts";
import { namesIn } from "./directory.ts";
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

/** Bytes of an open file from `offset` on; fewer than `into` takes at its end. @throws {SyscallError} */
export function readAt(fd: number, into: Uint8Array, offset: number): number {
  let done = 0;
  while (done < into.length) {
    const rest = done === 0 ? into : into.subarray(done);
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

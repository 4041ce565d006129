/** What an open directory holds, and what is known of its names beyond facts: where links lead, extended attributes. */

import type { At, ByteString } from "./at.ts";
import { ERRNO } from "./errno.ts";
import { AT } from "./flags.ts";
import { check, sys } from "./syscall.ts";

/** Names in a directory that is open for reading, without `.` and `..`, in no order. @throws {SyscallError} */
export function namesIn(directory: number): ByteString[] {
  const names: ByteString[] = [];
  const buffer = Buffer.alloc(32 * 1024);
  for (;;) {
    const count = check(sys("getdents64", directory, buffer, buffer.length), "read a directory");
    if (count === 0) return names;
    // struct linux_dirent64, getdents64(2): record length at 16, name at 19.
    for (let at = 0; at < count; at += buffer.readUInt16LE(at + 16)) {
      const name = buffer.toString("latin1", at + 19, buffer.indexOf(0, at + 19));
      if (name !== "." && name !== "..") names.push(name);
    }
  }
}

const PATH_MAX = 4096;

/** Where a symbolic link leads. @throws {SyscallError} */
export function linkTarget({ directory, name }: At): ByteString {
  const buffer = Buffer.alloc(PATH_MAX);
  const path = Buffer.from(`${name}\0`, "latin1");
  const length = check(sys("readlinkat", directory, path, buffer, buffer.length), "read a symbolic link");
  return buffer.toString("latin1", 0, length);
}

/** The most bytes that an attribute's value, or a list of names, has: XATTR_SIZE_MAX, XATTR_LIST_MAX. */
const ATTRIBUTE_MAX = 64 * 1024;

/** One buffer serves all: what it holds is copied before anything else can run. */
const buffer = Buffer.from(new ArrayBuffer(ATTRIBUTE_MAX));

/**
 * Extended attributes by name, those that `wanted` says or all; none where the file system keeps none, or nothing has the name any
 * more. Links are not followed. @throws {SyscallError}
 */
export function attributesOf(
  { directory, name }: At,
  wanted: (attribute: string) => boolean = () => true,
): Map<string, Uint8Array> {
  const place = directory === AT.FDCWD ? "" : `/proc/self/fd/${directory}/`;
  const path = Buffer.from(`${place}${name}\0`, "latin1");
  const found = new Map<string, Uint8Array>();
  const length = sys("llistxattr", path, buffer, buffer.length);
  if (length === -ERRNO.EOPNOTSUPP || length === -ERRNO.ENOENT) return found;
  const names = buffer
    .toString("latin1", 0, check(length, "list extended attributes"))
    .split("\0")
    .filter((attribute) => attribute !== "" && wanted(attribute));
  for (const attribute of names) {
    const size = sys("lgetxattr", path, attribute, buffer, buffer.length);
    // One that is listed may be gone, or be for others to read.
    if (size >= 0) found.set(attribute, Uint8Array.prototype.slice.call(buffer, 0, size));
  }
  return found;
}

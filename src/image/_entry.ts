/** Files on disk as entries of an archive. */

import {
  type At,
  attributesOf,
  type ByteString,
  ERRNO,
  linkTarget,
  majorMinor,
  S,
  type Stat,
  SyscallError,
} from "../kernel/mod.ts";
import type { TarEntry, TarType } from "../std/tar/entry.ts";
import { isKept } from "./_attributes.ts";
import type { Owners } from "./_owners.ts";

const TYPES: Readonly<Record<number, TarType>> = {
  [S.IFREG]: "file",
  [S.IFDIR]: "directory",
  [S.IFLNK]: "symlink",
  [S.IFCHR]: "character",
  [S.IFBLK]: "block",
  [S.IFIFO]: "fifo",
};

const NOTHING = new Uint8Array(0);

/** The bytes of a name. */
function nameBytes(name: ByteString): Uint8Array {
  return Buffer.from(name, "latin1");
}

/** What was found on disk, and its path in the archive. */
export interface Found {
  at: At;
  path: ByteString;
  facts: Stat;
}

/** The entry of what has a name; undefined for a socket, which means nothing without its process, and for what has just gone. */
export function entryOf({ at, path, facts }: Found, owners: Owners): TarEntry | undefined {
  const type = TYPES[facts.mode & S.IFMT];
  if (type === undefined) return undefined;
  const link = type === "symlink" ? targetOf(at) : "";
  if (link === undefined) return undefined;
  const isDevice = type === "character" || type === "block";
  return {
    type,
    path: nameBytes(type === "directory" && !path.endsWith("/") ? `${path}/` : path),
    linkPath: nameBytes(link),
    mode: facts.mode & 0o7777,
    ...owners.inside(facts),
    size: type === "file" ? facts.size : 0,
    mtime: facts.mtime,
    device: isDevice ? majorMinor(facts.rdev) : { major: 0, minor: 0 },
    xattrs: attributesOf(at, isKept),
  };
}

/** Undefined for what has just gone, or is something else by now. */
function targetOf(at: At): ByteString | undefined {
  try {
    return linkTarget(at);
  } catch (error) {
    if (error instanceof SyscallError && (error.errno === ERRNO.ENOENT || error.errno === ERRNO.EINVAL))
      return undefined;
    throw error;
  }
}

/** An entry for one more name of a file that the archive has. */
export function linkEntry(entry: TarEntry, first: ByteString): TarEntry {
  return { ...entry, type: "link", linkPath: nameBytes(first), size: 0, xattrs: new Map() };
}

/** An empty file, root's, of no age: what stands for a whiteout. */
export function emptyEntry(path: ByteString): TarEntry {
  const device = { major: 0, minor: 0 };
  return {
    type: "file",
    path: nameBytes(path),
    linkPath: NOTHING,
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0n,
    device,
    xattrs: new Map(),
  };
}

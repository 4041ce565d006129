/** What a tar archive holds: its entries, whatever dialect they were written in. */

/** Kinds of entries, by POSIX's names. */
export type TarType = "file" | "link" | "symlink" | "character" | "block" | "directory" | "fifo";

/** One entry. Names are bytes, as they are on Linux; nothing about them has been checked but that they hold no NUL. */
export interface TarEntry {
  type: TarType;
  path: Uint8Array;
  /** Where a link or symlink leads; else empty. */
  linkPath: Uint8Array;
  /** Permission bits with setuid, setgid and sticky, without the file type. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the file once unpacked, holes included; 0 for all but files. */
  size: number;
  /** Nanoseconds since the epoch. */
  mtime: bigint;
  /** The device of a character or block entry. */
  device: { major: number; minor: number };
  /** Extended attributes by name (SCHILY.xattr records). */
  xattrs: ReadonlyMap<string, Uint8Array>;
}

/** A run of a file's bytes that are stored; what lies between runs is a hole. */
export interface TarRun {
  offset: number;
  length: number;
}

const decoder = new TextDecoder();

/** A name of an archive as a person reads it. */
export function tarNameText(name: Uint8Array): string {
  return decoder.decode(name);
}

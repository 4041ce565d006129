/** Files of layers as they are told outside. */

import { type At, linkTarget, S, type Stat } from "../kernel/mod.ts";
import type { FileKind, LayerFile } from "../spec/image_layers.ts";
import { rfc3339 } from "../std/time.ts";
import type { LayerChange } from "./_layer_changes.ts";

const KINDS: Readonly<Record<number, FileKind>> = {
  [S.IFREG]: "file",
  [S.IFDIR]: "directory",
  [S.IFLNK]: "symlink",
  [S.IFCHR]: "character",
  [S.IFBLK]: "block",
  [S.IFIFO]: "fifo",
};

export function kindOfFile({ mode }: Stat): FileKind {
  return KINDS[mode & S.IFMT] ?? "socket";
}

/** Bytes that are the file's own: a directory's are not content. */
export function sizeOfFile(facts: Stat): number {
  return (facts.mode & S.IFMT) === S.IFREG ? facts.size : 0;
}

/** A path of bytes as text, a slash before it. */
export function toldPath(path: string): string {
  return `/${Buffer.from(path, "latin1").toString()}`;
}

export function toldFile({ path, kind, own, before, opaque }: LayerChange): LayerFile {
  const told = kind === "deleted" ? before : own;
  const facts = told?.facts;
  const isLink = facts !== undefined && kindOfFile(facts) === "symlink";
  return {
    Path: toldPath(path),
    Change: kind,
    ...(facts && { Kind: kindOfFile(facts) }),
    Mode: facts === undefined ? 0 : facts.mode & 0o7777,
    Uid: facts?.uid ?? 0,
    Gid: facts?.gid ?? 0,
    Size: facts === undefined ? 0 : sizeOfFile(facts),
    ModTime: facts === undefined || kind === "deleted" ? "" : timeText(facts.mtime),
    ...(isLink && told && { Target: targetOf(told.at) }),
    ...(opaque && { Opaque: true }),
  };
}

/** The last instant that RFC 3339 can write, 9999-12-31T23:59:59Z, in nanoseconds. */
const LAST = 253_402_300_799_000_000_000n;

/** An archive may say any time; what cannot be written is told as the nearest that can. */
function timeText(mtime: bigint): string {
  return rfc3339(mtime < 0n ? 0n : mtime > LAST ? LAST : mtime);
}

export function targetOf(at: At): string {
  return Buffer.from(linkTarget(at), "latin1").toString();
}

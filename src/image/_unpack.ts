/**
 * Unpacks an archive into a directory: that of a layer, or one of a container (_unpack_target.ts).
 *
 * The archive is hostile. Every effect is by descriptor: an entry's parent is resolved by openat2 below the target's root
 * (_tree.ts) and the entry itself is made in it without following links. What would be written outside the root is refused,
 * and so is the whole archive; where links merely point is data, and kept. In a layer whiteouts become overlay's (_whiteout.ts).
 *
 * Calls are synchronous, a few microseconds each; whoever feeds the archive pauses between chunks.
 */

import {
  type At,
  type ByteString,
  changeMode,
  changeOwner,
  closeFd,
  createFile,
  device,
  ERRNO,
  factsOf,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  removeName,
  S,
  type Stat,
  setTimes,
  sys,
} from "../kernel/mod.ts";
import type { Pace } from "../std/pace.ts";
import type { TarEntry } from "../std/tar/entry.ts";
import type { TarSink } from "../std/tar/reader.ts";
import { setAttributes } from "./_attributes.ts";
import { byteString, cutPath } from "./_names.ts";
import { leavesRoot, refused, unpackFailure, unreachable } from "./_refusals.ts";
import type { Tree } from "./_tree.ts";
import type { UnpackTarget } from "./_unpack_target.ts";
import { isWhiteout, makeOpaque, makeWhiteout, whiteoutOf } from "./_whiteout.ts";

export interface Unpacker extends TarSink, Disposable {
  /** Sets the times of directories, which later entries in them would have changed. Gives the bytes of all files and links. */
  finish(pace: Pace): Promise<{ size: number; replacedDirectories: boolean }>;
}

interface Unpacking {
  target: UnpackTarget;
  tree: Tree;
  replacedDirectories: boolean;
  /** Bytes of files, each counted once whatever its names, and of symbolic links. */
  size: number;
  /** The file that is being written, its bytes so far up to the last hole. */
  file: { fd: number; entry: TarEntry; end: number } | undefined;
  directoryTimes: Map<ByteString, bigint>;
}

/** Unpacks into a target, which ends with the unpacker. */
export function unpacker(target: UnpackTarget): Unpacker {
  const state: Unpacking = {
    target,
    tree: target.tree,
    replacedDirectories: false,
    size: 0,
    file: undefined,
    directoryTimes: new Map(),
  };
  return {
    entry: (entry) => makeEntry(state, entry),
    data: (bytes, offset) => writeData(state, bytes, offset),
    end: () => endFile(state),
    finish: (pace) => finish(state, pace),
    [Symbol.dispose]: () => {
      if (state.file !== undefined) closeFd(state.file.fd);
      target.tree[Symbol.dispose]();
    },
  };
}

function makeEntry(state: Unpacking, entry: TarEntry): void {
  const path = state.target.place(byteString(entry.path));
  if (path === undefined) throw leavesRoot(entry);
  if (path === "") {
    // The root's own mode and owner are the engine's, as with Docker: archives of a temporary directory would have 0700.
    if (entry.type === "directory") return;
    throw refused(entry, "would replace the image's root directory");
  }
  const whiteout = state.target.whiteouts ? whiteoutOf(path) : undefined;
  if (whiteout?.kind === "ignored") return;
  const { parent, name } = cutPath(path);
  const directory = state.tree.directory(parent);
  if (directory < 0) throw unreachable(entry, -directory);
  if (whiteout === undefined) make(state, entry, { directory, name });
  else if (whiteout.kind === "opaque") succeed(entry, makeOpaque({ directory, name: "." }));
  else succeed(entry, makeWhiteout({ directory, name: whiteout.name }));
  if (entry.type === "directory") rememberTime(state, path, entry.mtime);
}

function make(state: Unpacking, entry: TarEntry, at: At): void {
  switch (entry.type) {
    case "file":
      beginFile(state, entry, at);
      break;
    case "directory":
      addDirectory(state, entry, at);
      break;
    case "symlink":
      addSymlink(state, entry, at);
      break;
    case "link":
      addLink(state, entry, at);
      break;
    case "character":
      addNode(state, entry, { at, type: S.IFCHR });
      break;
    case "block":
      addNode(state, entry, { at, type: S.IFBLK });
      break;
    case "fifo":
      addNode(state, entry, { at, type: S.IFIFO });
      break;
  }
}

/** In the order of the archive, so that the last word on a directory is the archive's last. */
function rememberTime({ directoryTimes }: Unpacking, path: ByteString, mtime: bigint): void {
  directoryTimes.delete(path);
  directoryTimes.set(path, mtime);
}

function beginFile(state: Unpacking, entry: TarEntry, at: At): void {
  // Holes take no room here, but whoever reads or packs the file has all of them.
  if (state.size + entry.size > state.target.capacity)
    throw refused(entry, `of ${entry.size} bytes makes it larger than the file system that it is for`);
  const fd = succeeded(
    entry,
    replacing(state, { entry, at }, () => createFile(at)),
  );
  state.file = { fd, entry, end: 0 };
  state.size += entry.size;
}

function writeData({ file }: Unpacking, bytes: Uint8Array, offset: number): void {
  if (file === undefined) return;
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.subarray(done);
    done += succeeded(file.entry, sys("pwrite64", file.fd, rest, rest.length, offset + done));
  }
  file.end = offset + bytes.length;
}

/** The order matters: a write or a change of owner takes setuid bits and capabilities away, an ACL sets permission bits. */
function endFile(state: Unpacking): void {
  const { file } = state;
  if (file === undefined) return;
  const { fd, entry, end } = file;
  if (end < entry.size) succeed(entry, sys("ftruncate", fd, entry.size));
  succeed(entry, sys("fchown", fd, ...ownerOf(state, entry)));
  keepAttributes(entry, fd);
  succeed(entry, sys("fchmod", fd, entry.mode));
  succeed(entry, setTimes({ directory: fd }, entry.mtime));
  state.file = undefined;
  closeFd(fd);
}

/** A directory that is there already stays, with what is in it; only its owner, mode and times are the entry's. */
function addDirectory(state: Unpacking, entry: TarEntry, at: At): void {
  let answer = makeDirectory(at, 0o700);
  const before = answer === -ERRNO.EEXIST ? factsOf(at) : undefined;
  if (before !== undefined && (before.mode & S.IFMT) !== S.IFDIR) {
    answer = replacing(state, { entry, at }, () => makeDirectory(at, 0o700));
  }
  if (answer !== -ERRNO.EEXIST) succeed(entry, answer);
  if (state.target.whiteouts && before !== undefined && isWhiteout(before)) succeed(entry, makeOpaque(at));
  setMetadata(state, entry, at);
}

function addSymlink(state: Unpacking, entry: TarEntry, at: At): void {
  const target = byteString(entry.linkPath);
  const answer = replacing(state, { entry, at }, () => makeSymlink(target, at));
  succeed(entry, answer);
  state.size += target.length;
  succeed(entry, changeOwner(at, ...ownerOf(state, entry)));
  keepAttributes(entry, at);
  succeed(entry, setTimes(at, entry.mtime));
}

/** Another name of a file of this archive. A symbolic link gets another name too; it is not followed. */
function addLink(state: Unpacking, entry: TarEntry, at: At): void {
  const target = state.target.place(byteString(entry.linkPath));
  if (target === undefined || target === "") throw leavesRoot(entry);
  const { parent, name } = cutPath(target);
  const directory = state.tree.existing(parent);
  if (directory < 0) throw unreachable(entry, -directory);
  const from = { directory, name };
  let answer = makeLink(from, at);
  if (answer === -ERRNO.EEXIST) {
    if (isSameFile(factsOf(from), factsOf(at))) return;
    answer = replacing(state, { entry, at }, () => makeLink(from, at));
  }
  if (answer === -ERRNO.ENOENT)
    throw refused(entry, "is a hard link to a file that the archive does not hold");
  if (answer === -ERRNO.EPERM) throw refused(entry, "is a hard link to a directory");
  succeed(entry, answer);
}

function isSameFile(one: Stat | undefined, other: Stat | undefined): boolean {
  return one?.ino === other?.ino && one?.dev === other?.dev;
}

function addNode(state: Unpacking, entry: TarEntry, { at, type }: { at: At; type: number }): void {
  const rdev = type === S.IFIFO ? 0 : deviceOf(entry);
  succeed(
    entry,
    replacing(state, { entry, at }, () => makeNode(at, type | 0o600, rdev)),
  );
  setMetadata(state, entry, at);
  succeed(entry, setTimes(at, entry.mtime));
}

const LARGEST_MAJOR = 0xfff;
const LARGEST_MINOR = 0xfffff;

function deviceOf(entry: TarEntry): number {
  const { major, minor } = entry.device;
  if (major < 0 || major > LARGEST_MAJOR || minor < 0 || minor > LARGEST_MINOR) {
    throw refused(entry, `is a device ${major}:${minor}, which Linux cannot have`);
  }
  return device(major, minor);
}

/** For what is not open and is no symbolic link. */
function setMetadata(state: Unpacking, entry: TarEntry, at: At): void {
  succeed(entry, changeOwner(at, ...ownerOf(state, entry)));
  keepAttributes(entry, at);
  succeed(entry, changeMode(at, entry.mode));
}

/** -1 as 32 bits, which chown(2) takes for "leave it as it is". */
const NO_OWNER = 0xffff_ffff;

function ownerOf({ target }: Unpacking, entry: TarEntry): [uid: number, gid: number] {
  const { uid, gid } = target.ownerOf(entry);
  if (uid >= NO_OWNER || gid >= NO_OWNER)
    throw refused(entry, `has owner ${uid}:${gid}, which Linux cannot have`);
  return [uid, gid];
}

function keepAttributes(entry: TarEntry, file: number | At): void {
  if (entry.xattrs.size === 0) return;
  const answer = setAttributes(file, entry.xattrs);
  if (answer < 0) throw unpackFailure(entry, -answer, "its extended attributes");
}

/** Runs `make`; where something has that name already, takes it away and runs it again: the later entry wins. */
function replacing(state: Unpacking, { entry, at }: { entry: TarEntry; at: At }, make: () => number): number {
  const answer = make();
  if (answer !== -ERRNO.EEXIST) return answer;
  const before = factsOf(at);
  if (before !== undefined) state.target.checkReplacing(entry, before);
  const removed = takeAway(state, at, before);
  return removed < 0 ? removed : make();
}

/** Where a directory or a link is taken away, paths through it lead elsewhere from now on. */
function takeAway(state: Unpacking, at: At, before: Stat | undefined): number {
  const type = (before?.mode ?? 0) & S.IFMT;
  if (before !== undefined && (type === S.IFLNK || (type === S.IFREG && before.nlink === 1))) {
    state.size -= before.size;
  }
  if (type !== S.IFDIR) {
    const answer = removeName(at);
    if (type === S.IFLNK) state.tree.forget();
    return answer;
  }
  state.tree.forget();
  state.replacedDirectories = true;
  return state.target.discard(at);
}

async function finish(state: Unpacking, pace: Pace): Promise<{ size: number; replacedDirectories: boolean }> {
  for (const [path, mtime] of state.directoryTimes) {
    const { parent, name } = cutPath(path);
    const directory = state.tree.existing(parent);
    // One that was replaced later is no directory any more, or is not there: its time does not matter.
    if (directory >= 0) setTimes({ directory, name }, mtime);
    if (pace.isDue()) await pace.pause();
  }
  return { size: state.size, replacedDirectories: state.replacedDirectories };
}

function succeed(entry: TarEntry, answer: number): void {
  succeeded(entry, answer);
}

function succeeded(entry: TarEntry, answer: number): number {
  if (answer < 0) throw unpackFailure(entry, -answer);
  return answer;
}

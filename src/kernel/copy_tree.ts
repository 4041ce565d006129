/**
 * Copies a tree of files as it is: owners, modes, times, extended attributes, hard links, symbolic links, devices and holes.
 *
 * Both ends are descriptors, and every name is taken in an open directory, so that a link which somebody puts into either tree
 * meanwhile leads nowhere. Attributes of a security module (security.selinux) are the place's, not the file's, and stay behind.
 */

import { type Pace, pace } from "../std/pace.ts";
import {
  type At,
  type ByteString,
  changeMode,
  changeOwner,
  createFile,
  factsOf,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  openDirectoryBeneath,
  openName,
  setAttribute,
  setTimes,
} from "./at.ts";
import { copyContent } from "./copy.ts";
import { attributesOf, linkTarget, namesIn } from "./directory.ts";
import { ERRNO } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, O, S } from "./flags.ts";
import { type Stat, statFd } from "./stat.ts";
import { check, sys } from "./syscall.ts";

/** Something that is about to be copied: where it is, and where it goes. */
export interface CopyEntry {
  source: At;
  target: At;
  facts: Stat;
}

export interface CopyOptions {
  /**
   * Asked before each entry, for a copy onto a tree that holds something: clears the way, or has dealt with the entry itself and says
   * false. A directory that it leaves in the way is gone on with.
   */
  onto?: (entry: CopyEntry) => boolean;
  /** The two roots' own facts are not copied. */
  keepRoot?: boolean;
}

interface Copying {
  /** The root of the copy. */
  root: number;
  pace: Pace;
  onto: CopyOptions["onto"];
  /** Paths in the copy of files that have several names, by device and inode of the original. */
  linked: Map<string, { parent: ByteString; name: ByteString }>;
}

/** Copies what is in one directory into another, which gets its owner, mode, times and attributes too. @throws {SyscallError} */
export async function copyTree(from: number, to: number, options: CopyOptions = {}): Promise<void> {
  const pair = { from, to, path: "" };
  await copyEntries({ root: to, pace: pace(), linked: new Map(), onto: options.onto }, pair);
  if (options.keepRoot !== true) copyOwnFacts(pair);
}

/** Two directories that correspond, open for reading, and their path from the roots. */
interface Pair {
  from: number;
  to: number;
  path: ByteString;
}

async function copyEntries(state: Copying, pair: Pair): Promise<void> {
  for (const name of namesIn(pair.from)) {
    const facts = factsOf({ directory: pair.from, name });
    if (facts !== undefined) await copyEntry(state, { ...pair, name, facts });
    if (state.pace.isDue()) await state.pace.pause();
  }
}

interface Entry extends Pair {
  name: ByteString;
  facts: Stat;
}

async function copyEntry(state: Copying, entry: Entry): Promise<void> {
  const { from, to, path, name, facts } = entry;
  const target: At = { directory: to, name };
  if (state.onto?.({ source: { directory: from, name }, target, facts }) === false) return;
  const type = facts.mode & S.IFMT;
  if (type === S.IFDIR) {
    const answer = makeDirectory(target, 0o700);
    if (answer !== -ERRNO.EEXIST || state.onto === undefined)
      check(answer, `make the directory ${shown(entry)}`);
    using source = openIn({ directory: from, name }, O.RDONLY | O.DIRECTORY);
    using copy = openIn(target, O.RDONLY | O.DIRECTORY);
    const below = { from: source.fd, to: copy.fd, path: path === "" ? name : `${path}/${name}` };
    await copyEntries(state, below);
    if (answer < 0) forgetAttributes(below);
    copyOwnFacts(below);
    return;
  }
  if (facts.nlink > 1 && linkedBefore(state, entry)) return;
  if (type === S.IFREG) return copyFile(state, entry);
  if (type === S.IFLNK) {
    check(makeSymlink(linkTarget({ directory: from, name }), target), `make the link ${shown(entry)}`);
    check(changeOwner(target, facts.uid, facts.gid), `set the owner of ${shown(entry)}`);
  } else {
    check(makeNode(target, facts.mode, facts.rdev), `make ${shown(entry)}`);
    using node = openIn(target, O.PATH);
    check(changeOwner(target, facts.uid, facts.gid), `set the owner of ${shown(entry)}`);
    // By its descriptor, for a name could have become a link.
    check(changeMode(byDescriptor(node.fd), facts.mode & PERMISSIONS), `set the mode of ${shown(entry)}`);
  }
  copyAttributes({ directory: from, name }, target);
  check(setTimes(target, facts.mtime), `set the times of ${shown(entry)}`);
}

const PERMISSIONS = 0o7777;

/** Gives a file that has been copied under another name this name too. */
function linkedBefore({ linked, root }: Copying, { to, path, name, facts }: Entry): boolean {
  const key = `${facts.dev}:${facts.ino}`;
  const first = linked.get(key);
  if (first === undefined) {
    linked.set(key, { parent: path, name });
    return false;
  }
  using parent = owned(check(openDirectoryBeneath(root, first.parent), "find the first name of a file"));
  check(
    makeLink({ directory: parent.fd, name: first.name }, { directory: to, name }),
    "give a file another name",
  );
  return true;
}

/** The order matters: a change of owner takes setuid bits and capabilities away. */
async function copyFile({ pace }: Copying, entry: Entry): Promise<void> {
  const { from, to, name, facts } = entry;
  using source = openIn({ directory: from, name }, O.RDONLY | O.NONBLOCK);
  using copy = owned(check(createFile({ directory: to, name }), `make ${shown(entry)}`));
  for (const _ of copyContent(source.fd, copy.fd, facts.size)) if (pace.isDue()) await pace.pause();
  check(sys("fchown", copy.fd, facts.uid, facts.gid), `set the owner of ${shown(entry)}`);
  copyAttributes({ directory: from, name }, copy.fd);
  check(sys("fchmod", copy.fd, facts.mode & PERMISSIONS), `set the mode of ${shown(entry)}`);
  check(setTimes({ directory: copy.fd }, facts.mtime), `set the times of ${shown(entry)}`);
}

/** A directory's owner, mode, times and attributes, once nothing is written to it any more. Both are open. */
export function copyOwnFacts({ from, to, path }: Pair): void {
  const facts = statFd(from);
  const what = path === "" ? "the directory" : JSON.stringify(path);
  check(sys("fchown", to, facts.uid, facts.gid), `set the owner of ${what}`);
  copyAttributes({ directory: from, name: "." }, to);
  check(sys("fchmod", to, facts.mode & PERMISSIONS), `set the mode of ${what}`);
  check(setTimes({ directory: to }, facts.mtime), `set the times of ${what}`);
}

/** What an overlay, or the engine in its stead, notes of a layer's directory. */
const isNote = (attribute: string): boolean => /^trusted\.(?:overlay|fathom)\./.test(attribute);

/** The file system cannot keep it, or not on this type of file: left out, as Docker does. */
const LEFT_OUT: ReadonlySet<number> = new Set([ERRNO.EOPNOTSUPP, ERRNO.EPERM]);

/** Takes attributes away that only the copy has. */
function forgetAttributes({ from, to }: Pair): void {
  const kept = attributesOf({ directory: from, name: "." });
  for (const attribute of attributesOf({ directory: to, name: "." }).keys())
    if (!kept.has(attribute)) sys("lremovexattr", `/proc/self/fd/${to}/.`, attribute);
}

function copyAttributes(from: At, to: number | At): void {
  for (const [attribute, value] of attributesOf(from)) {
    if (attribute === "security.selinux" || isNote(attribute)) continue;
    const answer = setAttribute(to, attribute, value);
    if (answer < 0 && !LEFT_OUT.has(-answer)) check(answer, `set the attribute ${attribute}`);
  }
}

function openIn(at: At, how: number): Disposable & { fd: number } {
  return owned(check(openName(at, how), `open ${JSON.stringify(at.name)}`));
}

function byDescriptor(fd: number): At {
  return { directory: AT.FDCWD, name: `/proc/self/fd/${fd}` };
}

function shown({ path, name }: Entry): string {
  return JSON.stringify(Buffer.from(path === "" ? name : `${path}/${name}`, "latin1").toString());
}

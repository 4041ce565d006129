/**
 * What a layer's archive comes to once it is unpacked, known from its entries alone: for reading layers that are nowhere unpacked.
 *
 * Rules are those of _unpack.ts: the later entry wins, a whiteout beside a directory makes that opaque, links of the layer are followed
 * below its root and never out of it. A directory that has no entry of its own has no owner or mode of its own either.
 */

import type { TarEntry } from "../std/tar/entry.ts";
import { DEEPEST } from "./_merge.ts";
import { byteString, cutPath, normalise } from "./_names.ts";
import { leavesRoot, refused } from "./_refusals.ts";
import { whiteoutOf } from "./_whiteout.ts";

export interface TreeNode {
  kind: "directory" | "symlink" | "file" | "whiteout";
  /** Number of the entry that has its mode and content; none of a directory without an entry, or a whiteout. */
  entry: number | undefined;
  /** A directory that hides what lies beneath. */
  opaque: boolean;
  /** Where a symbolic link leads. */
  target: string;
  children: Map<string, TreeNode>;
}

export interface ArchiveTree {
  root: TreeNode;
  /** Takes the next entry. @throws {FathomError} invalid, naming the entry */
  add(entry: TarEntry): void;
}

/** Entries of all layers that are merged: each takes some hundred bytes of memory. */
const MOST_ENTRIES = 5_000_000;
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;
const MOST_LINKS = 40;
const NO_OWNER = 0xffff_ffff;
const LARGEST_DEVICE = { major: 0xfff, minor: 0xfffff };

/** @param count entries of the layers read before */
export function archiveTree(count: { entries: number }): ArchiveTree {
  const root = node("directory", undefined);
  let number = -1;
  return {
    root,
    add(entry) {
      number += 1;
      count.entries += 1;
      if (count.entries > MOST_ENTRIES)
        throw refused(entry, `is more than the ${MOST_ENTRIES} files that are taken`);
      check(entry);
      const path = normalise(byteString(entry.path));
      if (path === undefined) throw leavesRoot(entry);
      if (path !== "") place(root, { entry, number, path });
      else if (entry.type !== "directory") throw refused(entry, "would replace the image's root directory");
    },
  };
}

function node(kind: TreeNode["kind"], entry: number | undefined): TreeNode {
  return { kind, entry, opaque: false, target: "", children: kind === "directory" ? new Map() : NO_CHILDREN };
}

/** One for all that have none: most nodes are files. */
const NO_CHILDREN: TreeNode["children"] = new Map();

/** What Linux cannot have is refused here, and not by whoever loads what comes of it. */
function check(entry: TarEntry): void {
  const { path, uid, gid, device } = entry;
  if (path.length >= LONGEST_PATH) throw refused(entry, `has a name of ${path.length} bytes`);
  if (uid >= NO_OWNER || gid >= NO_OWNER)
    throw refused(entry, `has owner ${uid}:${gid}, which Linux cannot have`);
  const { major, minor } = device;
  const isDevice = entry.type === "character" || entry.type === "block";
  const isKnown = major >= 0 && minor >= 0 && major <= LARGEST_DEVICE.major && minor <= LARGEST_DEVICE.minor;
  if (isDevice && !isKnown) throw refused(entry, `is a device ${major}:${minor}, which Linux cannot have`);
}

interface Placing {
  entry: TarEntry;
  number: number;
  path: string;
}

function place(root: TreeNode, { entry, number, path }: Placing): void {
  const whiteout = whiteoutOf(path);
  if (whiteout?.kind === "ignored") return;
  const { parent, name } = cutPath(path);
  const directory = directoryAt(root, parent, { entry, make: true });
  if (whiteout?.kind === "opaque") directory.opaque = true;
  else if (whiteout !== undefined) hide(directory, whiteout.name);
  else {
    if (name.length > LONGEST_NAME) throw refused(entry, `has a name of ${name.length} bytes`);
    put(directory, name, made(root, { entry, number, path }));
  }
}

function hide(directory: TreeNode, name: string): void {
  const before = directory.children.get(name);
  if (before === undefined) directory.children.set(name, node("whiteout", undefined));
  else if (before.kind === "directory") before.opaque = true;
}

/** A directory that is there stays, with what is in it; one in the place of a whiteout hides what that hid. */
function put(directory: TreeNode, name: string, now: TreeNode): void {
  const before = directory.children.get(name);
  if (now.kind !== "directory" || before === undefined) directory.children.set(name, now);
  else if (before.kind === "directory") before.entry = now.entry;
  else directory.children.set(name, { ...now, opaque: before.kind === "whiteout" });
}

function made(root: TreeNode, { entry, number }: Placing): TreeNode {
  switch (entry.type) {
    case "directory":
      return node("directory", number);
    case "symlink":
      return { ...node("symlink", number), target: byteString(entry.linkPath) };
    case "link":
      return linked(root, entry);
    case "file":
    case "character":
    case "block":
    case "fifo":
      return node("file", number);
  }
}

function linked(root: TreeNode, entry: TarEntry): TreeNode {
  const path = normalise(byteString(entry.linkPath));
  if (path === undefined || path === "") throw leavesRoot(entry);
  const { parent, name } = cutPath(path);
  const found = directoryAt(root, parent, { entry, make: false }).children.get(name);
  if (found === undefined || found.kind === "whiteout")
    throw refused(entry, "is a hard link to a file that the archive does not hold");
  if (found.kind === "directory") throw refused(entry, "is a hard link to a directory");
  return { ...found };
}

/** The directory at a path, its symbolic links followed; made where it is missing, if so asked. */
function directoryAt(
  root: TreeNode,
  path: string,
  { entry, make }: { entry: TarEntry; make: boolean },
): TreeNode {
  const above: TreeNode[] = [];
  let at = root;
  let links = 0;
  const pending = path === "" ? [] : path.split("/").reverse();
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      const parent = above.pop();
      if (parent === undefined) throw refused(entry, "leaves the image's root through a symbolic link");
      at = parent;
      continue;
    }
    const next = at.children.get(part) ?? (make ? implied(at, part) : undefined);
    if (next?.kind === "symlink") {
      links += 1;
      if (links > MOST_LINKS) throw refused(entry, "leads through a loop of symbolic links");
      if (next.target.startsWith("/"))
        throw refused(entry, "leaves the image's root through a symbolic link");
      pending.push(...next.target.split("/").reverse());
      continue;
    }
    if (next === undefined) throw refused(entry, "leads through a directory that is not there");
    if (next.kind === "whiteout")
      Object.assign(next, { kind: "directory", opaque: true, children: new Map() });
    if (next.kind === "file") throw refused(entry, "is below something that is not a directory");
    above.push(at);
    if (above.length > DEEPEST) throw refused(entry, `is more than ${DEEPEST} directories deep`);
    at = next;
  }
  return at;
}

function implied(directory: TreeNode, name: string): TreeNode {
  const made = node("directory", undefined);
  directory.children.set(name, made);
  return made;
}

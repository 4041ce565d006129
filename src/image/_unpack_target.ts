/** Where an archive is unpacked to, and what differs there: a layer's own directory, or a directory of a container. */

import { posix } from "node:path";
import { type At, type ByteString, removeAll, rename, S, type Stat } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type TarEntry, tarNameText } from "../std/tar/entry.ts";
import { normalise } from "./_names.ts";
import type { Ids, Owners } from "./_owners.ts";
import { openTree, openTreeInRoot, type Tree } from "./_tree.ts";

export interface UnpackTarget {
  tree: Tree;
  /** The normalised path of a name in the archive, "" for the target itself; undefined where it leads out. */
  place(name: ByteString): ByteString | undefined;
  /** Whether names that begin with `.wh.` hide files of layers below. */
  whiteouts: boolean;
  /** The most bytes that all files may have together, holes included. */
  capacity: number;
  /** Whom an entry is to belong to, on disk. */
  ownerOf(entry: TarEntry): Ids;
  /** @throws {FathomError} where an entry may not take the place of what is there. */
  checkReplacing(entry: TarEntry, before: Stat): void;
  /** Takes a directory away, with what is in it; 0 or -errno. */
  discard(at: At): number;
}

/** @param root and `aside` stay the caller's; `aside`, on the same file system, takes replaced directories: removing one may take long. */
export function layerTarget({
  root,
  aside,
  capacity = Number.POSITIVE_INFINITY,
}: {
  root: number;
  aside: number;
  capacity?: number;
}): UnpackTarget {
  let movedAside = 0;
  return {
    tree: openTree(root),
    place: normalise,
    whiteouts: true,
    capacity,
    ownerOf: (entry) => entry,
    checkReplacing: () => undefined,
    discard: (at) => {
      const answer = rename(at, { directory: aside, name: String(movedAside) });
      movedAside += 1;
      return answer;
    },
  };
}

export interface ContainerTarget {
  /** Descriptor of the container's root, which stays the caller's. */
  root: number;
  /** The directory in it, absolute. */
  base: ByteString;
  owners: Owners;
  /** Whom everything is to belong to; else the archive says. */
  owner?: Ids;
  /** A directory may not take the place of anything else, nor the other way round. */
  keepKinds: boolean;
}

/** Names in the archive are below the directory even when they begin with a slash, as in Docker. */
export function containerTarget({ root, base, owners, owner, keepKinds }: ContainerTarget): UnpackTarget {
  return {
    tree: openTreeInRoot(root, base),
    place: (name) => normalise(name.replace(/^\/+/, "")),
    whiteouts: false,
    capacity: Number.POSITIVE_INFINITY,
    ownerOf: (entry) => owners.onDisk(owner ?? entry),
    checkReplacing: (entry, before) => {
      if (keepKinds) checkKinds(entry, before, base);
    },
    discard: removeAll,
  };
}

function checkKinds(entry: TarEntry, before: Stat, base: ByteString): void {
  const wasDirectory = (before.mode & S.IFMT) === S.IFDIR;
  if (wasDirectory === (entry.type === "directory")) return;
  const [old, now] = wasDirectory ? ["directory", "non-directory"] : ["non-directory", "directory"];
  const directory = Buffer.from(base, "latin1").toString();
  const path = posix.join(directory, tarNameText(entry.path).replace(/(.)\/$/, "$1"));
  const words = `cannot overwrite ${old} ${JSON.stringify(path)} with ${now} ${JSON.stringify(directory)}`;
  throw new FathomError("invalid", words);
}

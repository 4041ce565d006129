/**
 * Several unpacked layers as one: what a single layer in their place has to hold, so that nothing changes for who looks through it.
 *
 * Each directory is read when it is reached, so that memory follows the tree's depth and not its size. Source: opencontainers/image-spec
 * v1.1, layer.md (Whiteouts); Linux, Documentation/filesystems/overlayfs.rst.
 */

import type { At, ByteString, Stat } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type LowerDirectory, lookUp, mergedAt, readNames } from "./_lower.ts";

export interface MergedFile {
  /** Without a slash before it. */
  path: ByteString;
  /** What they show; absent for a whiteout of something that lies beneath them. */
  file?: { at: At; facts: Stat };
  /** A directory that hides one beneath. */
  opaque: boolean;
}

/** Directories one in another; no real tree is as deep. */
export const DEEPEST = 1000;
/** Bytes of a path that the kernel takes (PATH_MAX), its end among them. */
const LONGEST = 4096;

/**
 * In the order of names, a directory before what is in it.
 * @param merged the layers to merge, topmost first
 * @param kept those beneath them: what they do not have needs no whiteout
 * @throws {FathomError} unsupported, for a tree that is deeper than paths go
 */
export function mergedFiles(merged: LowerDirectory, kept: LowerDirectory): Generator<MergedFile, void> {
  return visit({ path: "", merged, kept, depth: 0 });
}

interface Place {
  path: ByteString;
  merged: LowerDirectory;
  kept: LowerDirectory;
  depth: number;
}

function* visit({ path, merged, kept, depth }: Place): Generator<MergedFile, void> {
  for (const name of mergedNames(merged)) {
    checkReach(merged, name, depth);
    const found = mergedAt(merged, name);
    if (found === undefined) continue;
    const below = lookUp(kept, name);
    const here = path === "" ? name : `${path}/${name}`;
    if (found.top === undefined) {
      if (below !== undefined) yield { path: here, opaque: false };
      continue;
    }
    const under = below?.directory ?? [];
    const isDirectory = found.directory.length > 0;
    yield { path: here, file: found.top, opaque: isDirectory && found.closed && under.length > 0 };
    if (isDirectory)
      yield* visit({
        path: here,
        merged: found.directory,
        kept: found.closed ? [] : under,
        depth: depth + 1,
      });
  }
}

/** Of all the directories, whiteouts among them; sorted, so that the same layers are told in the same order. */
export function mergedNames(directories: LowerDirectory): ByteString[] {
  const names = new Set(directories.flatMap(readNames));
  return [...names].sort((a, b) => (a < b ? -1 : 1));
}

/** What paths do not reach would be passed over as if it were not there. */
export function checkReach(directories: LowerDirectory, name: ByteString, depth: number): void {
  const isFar = directories.some((directory) => directory.length + 1 + name.length >= LONGEST);
  if (isFar || depth > DEEPEST)
    throw new FathomError(
      "unsupported",
      `the image has directories that are too deep to be read: paths of at most ${LONGEST} bytes and ${DEEPEST} directories are`,
    );
}

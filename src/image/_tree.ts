/**
 * The directories of a tree that is being unpacked, as descriptors.
 *
 * Each path is resolved once, by openat2 with RESOLVE_BENEATH or RESOLVE_IN_ROOT, and its descriptor kept: thousands of entries share a few
 * directories. Whoever removes or replaces a directory or a symbolic link calls `forget`, because a kept descriptor may then
 * belong to a path that leads elsewhere.
 */

import {
  type ByteString,
  closeFd,
  ERRNO,
  findInRoot,
  makeDirectory,
  openDirectoryBeneath,
} from "../kernel/mod.ts";
import { cutPath } from "./_names.ts";

export interface Tree extends Disposable {
  /**
   * The descriptor of the directory at a normalised path, or -errno. It belongs to the tree, which keeps the latest of them
   * open: use it before asking for many more.
   */
  existing(path: ByteString): number;
  /** The same, made with its missing parents if it is not there (mode 0755, root's, as Docker makes them). */
  directory(path: ByteString): number;
  /** Drops what is kept; descriptors given out hold until the next one is asked for. */
  forget(): void;
}

/** Descriptors kept at most: the limit on open files is shared with the whole daemon. */
const MOST_KEPT = 256;

/** @param root stays the caller's, and open as long as the tree. */
export function openTree(root: number): Tree {
  return treeOf((path) => openDirectoryBeneath(root, path));
}

/** The tree below the directory `base` of a container's root, its links followed as the container would (openat2, RESOLVE_IN_ROOT). */
export function openTreeInRoot(root: number, base: ByteString): Tree {
  return treeOf((path) => findInRoot(root, `${base}/${path}/.`, { follow: true }));
}

function treeOf(find: (path: ByteString) => number): Tree {
  const kept = new Map<ByteString, number>();
  const dropped: number[] = [];
  const closeDropped = (): void => {
    for (let fd = dropped.pop(); fd !== undefined; fd = dropped.pop()) closeFd(fd);
  };
  const forget = (): void => {
    dropped.push(...kept.values());
    kept.clear();
  };
  const existing = (path: ByteString): number => {
    closeDropped();
    const known = kept.get(path);
    if (known !== undefined) kept.delete(path);
    const fd = known ?? find(path);
    if (fd < 0) return fd;
    kept.set(path, fd);
    if (kept.size > MOST_KEPT) closeOldest(kept);
    return fd;
  };
  return {
    existing,
    directory: (path) => directory(path, existing),
    forget,
    [Symbol.dispose]: () => {
      forget();
      closeDropped();
    },
  };
}

/** A Map remembers the order of insertion, and each use inserts anew. */
function closeOldest(kept: Map<ByteString, number>): void {
  for (const [path, fd] of kept) {
    closeFd(fd);
    kept.delete(path);
    return;
  }
}

/** Goes up to the first directory that is there, then makes those below it. No recursion: a path may have 2,000 parts. */
function directory(path: ByteString, existing: Tree["existing"]): number {
  const missing: ByteString[] = [];
  let fd = existing(path);
  for (let at = path; fd === -ERRNO.ENOENT && at !== ""; fd = existing(at)) {
    missing.push(at);
    at = cutPath(at).parent;
  }
  for (let at = missing.pop(); fd >= 0 && at !== undefined; at = missing.pop()) {
    const made = makeDirectory({ directory: fd, name: cutPath(at).name }, 0o755);
    // Something is there, yet resolving it said there is nothing: a symbolic link that leads nowhere.
    if (made < 0) return made === -ERRNO.EEXIST ? -ERRNO.ENOENT : made;
    fd = existing(at);
  }
  return fd;
}

/**
 * Snapshots by btrfs: a container's root is a snapshot of its image's tree, made in one step whatever its size.
 *
 * An image's tree is a subvolume `tree` in its topmost layer's directory, put together when the first container wants it: a snapshot of
 * the tree of the next layer below that has one, and the layers between, their blocks shared with the layers' own files. It
 * goes with its layer.
 */

import { readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  createSubvolume,
  destroySubvolume,
  isSubvolume,
  limitSubvolume,
  SyscallError,
  snapshotSubvolume,
} from "../kernel/mod.ts";
import { ifAbsent } from "../std/absent.ts";
import { type Mutex, mutex } from "../std/mutex.ts";
import { flatten } from "./_flatten.ts";
import type { PrepareOptions, Snapshot, SnapshotDriver } from "./driver.ts";
import { exists, wholeRoots } from "./vfs.ts";

export function btrfsDriver(): SnapshotDriver {
  // An image's tree is made once, whoever else waits for it.
  const exclusive = mutex();
  return {
    name: "btrfs",
    ...wholeRoots({
      make: (snapshot, tree, options) => snapshotOf(snapshot, tree, { ...options, exclusive }),
      away,
      clear,
    }),
    removeLayer: destroy,
    status: () => [["Btrfs", ""]],
  };
}

async function snapshotOf(
  { layers }: Snapshot,
  tree: string,
  { size, exclusive }: PrepareOptions & { exclusive: Mutex },
): Promise<void> {
  const source = await exclusive(() => imageTree(layers));
  if (source === undefined) createSubvolume(tree);
  else snapshotSubvolume(source, tree);
  // What is counted is what the container shares with nobody: all that it has written.
  if (size !== undefined) limitSubvolume(tree, size);
}

/** The tree of the layers, made where it is not there yet; undefined for an image of nothing. */
async function imageTree(layers: readonly string[]): Promise<string | undefined> {
  const [top] = layers;
  if (top === undefined) return undefined;
  const trees = layers.map((layer) => join(dirname(layer), "tree"));
  const present = await Promise.all(trees.map(exists));
  const nearest = present.indexOf(true);
  const tree = trees[0] ?? "";
  if (nearest === 0) return tree;
  const partial = `${tree}.new`;
  await clear(partial);
  const base = trees[nearest];
  if (base === undefined) createSubvolume(partial);
  else snapshotSubvolume(base, partial);
  const missing = layers.slice(0, base === undefined ? layers.length : nearest);
  await flatten(missing.toReversed(), partial);
  await rename(partial, tree);
  return tree;
}

async function away(tree: string, trash: string): Promise<void> {
  if (await exists(tree)) await rename(tree, trash);
}

/** Subvolumes first, which go at once; what is in the way of that goes as any directory does. */
async function destroy(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(ifAbsent([]))) {
    await clear(join(directory, name));
  }
  await rm(directory, { recursive: true, force: true });
}

async function clear(path: string): Promise<void> {
  if (isSubvolume(path) && wasDestroyed(path)) return;
  await rm(path, { recursive: true, force: true });
}

/** A subvolume in which a program has made others cannot be removed at once, but as any directory can. */
function wasDestroyed(path: string): boolean {
  try {
    destroySubvolume(path);
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

/**
 * Snapshots as plain copies, for file systems on which overlay cannot write. Where the file system shares blocks between files
 * (reflinks) a copy takes no room but that of its names.
 *
 * `rw` is the container's whole root. It appears in one step, so a copy that was cut short is begun anew.
 */

import { access, mkdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { attachIdMapped, isMounted, makeUserNamespace, owned, unmount } from "../kernel/mod.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { ifAbsent } from "../std/absent.ts";
import { flatten } from "./_flatten.ts";
import { ownersOnDisk } from "./_owners.ts";
import { forgetLimit, limitSize } from "./_quota.ts";
import { bytesWritten } from "./_written.ts";
import type { PrepareOptions, Snapshot, SnapshotDirectory, SnapshotDriver } from "./driver.ts";

export function vfsDriver(): SnapshotDriver {
  return {
    name: "vfs",
    ...wholeRoots({
      make: copyLayers,
      away: discard,
      clear: (tree) => rm(tree, { recursive: true, force: true }),
    }),
    removeLayer: (directory) => rm(directory, { recursive: true, force: true }),
    status: () => [],
  };
}

/** What all drivers have in common whose snapshots are whole roots: the tree at `rw`, shown at `rootfs`. */
type WholeRoots = Omit<SnapshotDriver, "name" | "removeLayer" | "status">;

/** What differs between them. */
interface Trees {
  /** Makes the tree at a path where nothing is. */
  make(snapshot: Snapshot, tree: string, options: PrepareOptions): Promise<void>;
  /** Moves a tree to the trash, where there is one. */
  away(tree: string, trash: string): Promise<void>;
  /** Deletes a tree that was begun, if there is one. */
  clear(tree: string): Promise<void>;
}

export function wholeRoots({ make, away, clear }: Trees): WholeRoots {
  const written = (snapshot: SnapshotDirectory) => ({ path: partsOf(snapshot).tree, form: "whole" as const });
  return {
    prepare: async (snapshot, options) => {
      const { tree, partial, root } = partsOf(snapshot);
      await mkdir(root, { recursive: true, mode: 0o755 });
      if (await exists(tree)) return;
      await clear(partial);
      await make(snapshot, partial, options);
      await rename(partial, tree);
    },
    mount: async (snapshot) => {
      const { tree, root } = partsOf(snapshot);
      if (!isMounted(root)) show(tree, root, snapshot.idMaps);
      return root;
    },
    unmount: async (snapshot) => detach(partsOf(snapshot).root),
    remove: async (snapshot, trash) => {
      const { tree, partial, root } = partsOf(snapshot);
      detach(root);
      // Never recursively: were it mounted still, that would empty the container.
      await rmdir(root).catch(ifAbsent(undefined));
      await mkdir(trash, { recursive: true, mode: 0o700 });
      await away(tree, join(trash, "rw"));
      await away(partial, join(trash, "rw.new"));
    },
    rootOf: (snapshot) => partsOf(snapshot).root,
    upperOf: written,
    written: (snapshot) =>
      bytesWritten({ ...written(snapshot), owners: ownersOnDisk(snapshot.idMaps) }, snapshot.layers),
    data: () => null,
  };
}

/** On disk the owners are the image's: others are shown by the mount. */
function show(tree: string, root: string, idMaps: Snapshot["idMaps"]): void {
  using namespace = idMaps && owned(makeUserNamespace(withHostRoot(idMaps)));
  attachIdMapped(tree, { target: root, ...(namespace && { userNamespace: namespace.fd }) });
}

/** Whom the host's root is on disk: nobody of any image's. Without one it could make no file there (EOVERFLOW), for a `cp`. */
const HOST_ROOT = 0xffff_fff0;

function withHostRoot({ uids, gids }: IdMaps): IdMaps {
  const add = (map: IdMaps["uids"]) =>
    map.some(({ hostID }) => hostID === 0) ? map : [...map, { containerID: HOST_ROOT, hostID: 0, size: 1 }];
  return { uids: add(uids), gids: add(gids) };
}

function detach(root: string): void {
  if (isMounted(root)) unmount(root, { detach: true });
}

/** The bound is on the whole root, as in Docker: no file system tells a copy from what was written later. */
async function copyLayers({ layers }: Snapshot, tree: string, { size }: PrepareOptions): Promise<void> {
  // The root directory's mode is what the container sees of its root.
  await mkdir(tree, { mode: 0o755 });
  if (size !== undefined) limitSize([tree], size);
  await flatten(layers.toReversed(), tree);
}

async function discard(tree: string, trash: string): Promise<void> {
  if (!(await exists(tree))) return;
  forgetLimit(tree);
  await rename(tree, trash);
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, ifAbsent(false));
}

function partsOf({ directory }: SnapshotDirectory): Record<"tree" | "partial" | "root", string> {
  return {
    tree: join(directory, "rw"),
    partial: join(directory, "rw.new"),
    root: join(directory, "rootfs"),
  };
}

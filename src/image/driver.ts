/**
 * What a way of making snapshots must do: overlay.ts, btrfs.ts, vfs.ts.
 *
 * Layers are the same for all: a directory each, with the files that a layer has and overlay's notes of those that it hides
 * (_whiteout.ts), made when an image comes in. A driver makes roots of them, and may keep beside a layer what helps it to.
 *
 * A snapshot is a container's root file system: the layers of its image, read-only, and what the container writes. Its
 * lifecycle is prepare, then mount and unmount any number of times, then remove. Each step may be repeated after a crash, and
 * repeating it is no error. What must outlast the process is on disk, in the snapshot's directory; nothing outside of it is
 * touched. A driver never holds up the process for the disk's sake.
 *
 * Example:
 *
 *     await driver.prepare(snapshot, { disposable: false });
 *     await driver.mount(snapshot);      // snapshot.directory/rootfs is the container's root now
 *     await driver.unmount(snapshot);
 *     await driver.remove(snapshot, "/var/lib/fathom/layers/ingest/1-2");
 */

import type { IdMaps } from "../spec/oci_runtime.ts";

/** Where a snapshot's own files lie: the container's directory. */
export interface SnapshotDirectory {
  directory: string;
}

export interface Snapshot extends SnapshotDirectory {
  /** Directories of the image's layers, topmost first; none for an image of nothing. */
  layers: readonly string[];
  /** The users of the host as whom those of the image and of the container appear; absent: each as itself. */
  idMaps?: IdMaps | undefined;
}

export interface PrepareOptions {
  /** What is written need not outlast a crash of the host. */
  disposable: boolean;
  /** The most bytes that may be written; absent: no bound. */
  size?: number | undefined;
}

export interface SnapshotDriver {
  /** Docker's GraphDriver.Name. */
  readonly name: string;
  /** Makes the snapshot's directories. @throws {FathomError} unsupported, when its size cannot be bounded here. */
  prepare(snapshot: Snapshot, options: PrepareOptions): Promise<void>;
  /** Makes the root file system visible and gives its path. @throws {SyscallError} */
  mount(snapshot: Snapshot): Promise<string>;
  /** Undoes mount; a mount that is in use vanishes from view and is released with its last user. */
  unmount(snapshot: SnapshotDirectory): Promise<void>;
  /** Takes away all that `prepare` and the container made, by moving it to `trash`, a directory that it makes. */
  remove(snapshot: SnapshotDirectory, trash: string): Promise<void>;
  /** Where the root file system is when it is mounted. */
  rootOf(snapshot: SnapshotDirectory): string;
  /** Where what the container has written lies. */
  upperOf(snapshot: SnapshotDirectory): WrittenTree;
  /** Bytes that the container has written. */
  written(snapshot: Snapshot): Promise<number>;
  /** Docker's GraphDriver.Data, of a snapshot or, without a directory, of an image; null where Docker's driver tells nothing. */
  data(snapshot: Pick<Snapshot, "layers"> & Partial<Snapshot>): Record<string, string> | null;
  /** Deletes a layer that is out of sight already: its directory, with what the driver has kept in it. */
  removeLayer(directory: string): Promise<void>;
  /** Docker's DriverStatus: what there is to say of the driver on this host. */
  status(backingFilesystem: string): [string, string][];
}

export interface WrittenTree {
  path: string;
  /**
   * `apart`: what was written and nothing else, with overlay's notes of what is hidden, its owners the host's. `whole`: the root as it
   * is now, its owners those that the image and the container know.
   */
  form: "apart" | "whole";
}

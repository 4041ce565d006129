/**
 * What a way of making snapshots must do. Overlay is one (overlay.ts).
 *
 * A snapshot is a container's root file system: the layers of its image, read-only, and what the container writes. Its
 * lifecycle is prepare, then mount and unmount any number of times, then remove. Each step may be repeated after a crash, and
 * repeating it is no error. A driver keeps no state but on disk, and touches nothing outside the snapshot's directory.
 *
 * Example:
 *
 *     await driver.prepare(snapshot);
 *     driver.mount(snapshot);            // snapshot.directory/rootfs is the container's root now
 *     driver.unmount(snapshot);
 *     await driver.remove(snapshot);
 */

export interface Snapshot {
  /** The container's directory; the driver's files lie in it. */
  directory: string;
  /** Directories of the image's layers, topmost first; none for an image of nothing. */
  layers: readonly string[];
}

export interface SnapshotDriver {
  /** Docker's GraphDriver.Name. */
  readonly name: string;
  /** Makes the snapshot's directories. */
  prepare(snapshot: Snapshot): Promise<void>;
  /**
   * Makes the root file system visible and gives its path. Synchronous: it is one short sequence of system calls.
   * @throws {SyscallError}
   */
  mount(snapshot: Snapshot): string;
  /** Undoes mount; a mount that is in use vanishes from view and is released with its last user. */
  unmount(snapshot: Snapshot): void;
  /** Removes all that `prepare` and the container made; the rest of the directory is not the driver's. */
  remove(snapshot: Pick<Snapshot, "directory">): Promise<void>;
  /** Where the root file system is when it is mounted. */
  rootOf(snapshot: Pick<Snapshot, "directory">): string;
  /** Bytes that the container has written. */
  written(snapshot: Pick<Snapshot, "directory">): Promise<number>;
  /** Docker's GraphDriver.Data. */
  data(snapshot: Snapshot): Record<string, string>;
}

/** What the engine's other parts can have of volumes. */

import type { Volume, VolumeCreateRequest, VolumeList, VolumePruneResponse } from "../spec/docker_volume.ts";

/** Docker's `filters` parameter: name to accepted values. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** Something of a container at which a volume is mounted. */
export interface Mounting {
  name: string;
  /** The container's ID. */
  user: string;
  /** For the event that tells of it. */
  destination: string;
  writable: boolean;
  propagation: string;
}

export interface Volumes {
  /**
   * Makes a volume, or finds the one that has the name: its own options and labels stay then, as in Docker. One without a
   * name, or with a name that nobody chose (`anonymous`), is marked as such.
   * @throws {FathomError} invalid for the name or an option; not-found for a driver, of which there is only `local`.
   */
  create(request: VolumeCreateRequest, options?: { user?: string; anonymous?: boolean }): Promise<Volume>;
  /** @throws {FathomError} not-found. */
  inspect(name: string): Volume;
  /** By name; what all filters let pass. @throws {FathomError} invalid for a filter that there is none of. */
  list(filters: Filters): VolumeList;
  /** @throws {FathomError} not-found; conflict when containers use it, whose IDs it names. */
  remove(name: string): Promise<void>;
  /** Removes what nobody uses: anonymous volumes, and with `all` those with a name too. */
  prune(filters: Filters, options: { all: boolean }): Promise<VolumePruneResponse>;
  /** Every volume with the bytes in it and the number of containers that use it. For `system df`. */
  usage(): Promise<{ volume: Volume; size: number; users: number }[]>;

  /** Counts a container among the users; `mounted` how many times over its program sees the files. For recovery. */
  hold(name: string, user: string, options: { mounted: number }): void;
  /** The container does not use it any more; no error for one that is gone. */
  release(name: string, user: string): void;
  /** Makes the files visible and gives their place. @throws {FathomError} when the driver cannot mount them. */
  mount(mounting: Mounting): Promise<string>;
  /** Undoes one mount of this user; no error when there was none. */
  unmount(name: string, user: string): Promise<void>;
  /** Copies what is at a path of an image's root into the volume, if the volume is empty. */
  populate(name: string, source: { root: () => Promise<string>; path: string }): Promise<void>;
  /** Unmounts what an earlier engine left mounted and nobody uses. Call when every user has been told of. */
  settle(): void;
}

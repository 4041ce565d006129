/** What the engine's other parts can have of volumes. */

import type { Volume, VolumeCreateRequest, VolumeList, VolumePruneResponse } from "../spec/docker_volume.ts";
import type { Restored, TrashItem } from "../spec/trash.ts";

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

/** Gives the bytes of what has a name, by a walk of its files or from an earlier one. */
export type Measure = (name: string, walk: () => Promise<number>) => Promise<number>;

/** What a prune would take. */
export interface VolumeCandidate {
  volume: Volume;
  /** Bytes of its files. */
  size: number;
  /** Nobody has chosen its name. */
  anonymous: boolean;
}

export interface VolumeTrash {
  list(): Promise<TrashItem[]>;
  /** Brings a volume back with its name, labels and options. @throws {FathomError} not-found; conflict when the name is taken. */
  restore(id: string): Promise<Restored>;
  /** Deletes one for good; no error when it is gone. */
  erase(id: string): Promise<void>;
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
  /** Deletes it. @throws {FathomError} not-found; conflict when it is locked, or containers use it, whose IDs it names. */
  remove(name: string): Promise<void>;
  /** Moves it to the trash instead; with `createdAt` only the volume of that time. @throws as `remove` */
  discard(name: string, how: { reason: string; createdAt?: string }): Promise<void>;
  /** Moves what nobody uses to the trash: anonymous volumes, and with `all` those with a name too. */
  prune(filters: Filters, options: { all: boolean }): Promise<VolumePruneResponse>;
  /** What a prune would take, if `without` were not among the containers. @throws {FathomError} invalid for a filter. */
  candidates(
    filters: Filters,
    options: { all: boolean; without: ReadonlySet<string> },
  ): Promise<VolumeCandidate[]>;
  /** Protects it from every removal, also by force; or does so no more. @throws {FathomError} not-found. */
  setLocked(name: string, locked: boolean): Promise<void>;
  /** Volumes that were removed and wait. */
  readonly trash: VolumeTrash;
  /**
   * Every volume with the bytes in it and the number of containers that use it. For `system df`. `measure` may give an earlier figure
   * instead of waiting for the walk.
   */
  usage(measure?: Measure): Promise<{ volume: Volume; size: number; users: number }[]>;

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

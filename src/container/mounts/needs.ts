/** What containers need of volumes, and of places on the host that are shown in a container. The daemon hands it in. */

import type { VolumeCreateRequest } from "../../spec/docker_volume.ts";

export interface VolumeStore {
  /** Makes it or finds it, and counts the container among its users. Anonymous ones go with their container. */
  create(
    request: VolumeCreateRequest,
    options: { user: string; anonymous: boolean },
  ): Promise<{ Name: string; Driver: string; Mountpoint: string }>;
  /** Counts a container that an earlier engine made among the users; `mounted` times it sees the files now. */
  hold(name: string, user: string, options: { mounted: number }): void;
  /** The container uses it no more; no error when the volume is gone. */
  release(name: string, user: string): void;
  /** Makes the files visible for a start and gives their place. */
  mount(mounting: {
    name: string;
    user: string;
    destination: string;
    writable: boolean;
    propagation: string;
  }): Promise<string>;
  /** Undoes one mount; no error when there was none. */
  unmount(name: string, user: string): Promise<void>;
  /** Copies what is at a path of a root file system into an empty volume. */
  populate(name: string, source: { root: () => Promise<string>; path: string }): Promise<void>;
  /** Throws conflict when another container uses it, not-found when it is gone. */
  remove(name: string): Promise<void>;
  /** Every container that was there when the engine started has told what it uses. */
  settle(): void;
}

/** Mounts on the host that last as long as a start. */
export interface HostMounts {
  /** Shows what is at `subpath` below `root` at `target` too, never what is outside of `root`. */
  bindSubpath(root: string, subpath: string, target: string): Promise<void>;
  /** Shows an image's files, read-only, at a directory. */
  mountImage(image: string, target: string): Promise<void>;
  /** Takes all mounts at a place away; no error when there is none. */
  unmount(target: string): void;
  /** The mount that holds a path, and whether mounts made in it are seen elsewhere, or those made elsewhere in it. */
  propagationOf(path: string): { mountPoint: string; shared: boolean; slave: boolean };
}

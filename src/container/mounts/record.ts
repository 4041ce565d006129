/** What a container's record keeps of each of its mounts: what inspect shows, and what a start needs beyond that. */

import type { MountPoint } from "../../spec/docker.ts";

export interface MountRecord extends MountPoint {
  Details?: MountDetails;
}

export interface MountDetails {
  /** A volume that nobody named: it goes with the container when `rm -v` or `--rm` removes that. */
  anonymous?: true;
  /** Of a volume or an image: the part that is mounted. */
  subpath?: string;
  /** Without the mounts below the source. */
  nonRecursive?: true;
  /** Read-only is the mount itself, and not what is mounted below it (`bind-recursive=writable`). */
  shallowReadOnly?: true;
  /** `-v` makes a directory of the host that is missing, whenever the container starts. */
  createSource?: true;
  /** Options of a tmpfs, as `--tmpfs` takes them. */
  tmpfs?: string;
}

/** As inspect and ps show it. */
export function shownMount({ Details: _, ...point }: MountRecord): MountPoint {
  return point;
}

/** Volumes in the Docker Engine API's shapes, v1.51. See docker.ts. */

/** `GET /volumes/{name}`. Docker writes null for labels and options that nobody gave. */
export interface Volume {
  /** RFC 3339, whole seconds. */
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  /** Where its files are on the host. */
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: "local";
  /** What the driver has to say of it; Docker's local driver nothing. Ours that it is locked, where it is. */
  Status?: { Locked: true };
}

/** `POST /volumes/create`. Without a name it is anonymous and gets one. */
export interface VolumeCreateRequest {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
}

/** `GET /volumes`. */
export interface VolumeList {
  Volumes: Volume[];
  Warnings: string[] | null;
}

/** `POST /volumes/prune`. Bytes of the volumes that were deleted. */
export interface VolumePruneResponse {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}

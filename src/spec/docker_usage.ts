/** The Docker Engine API's JSON shapes about the room things take, and about giving it back, v1.51. */

import type { ContainerSummary, ImageDeleteResponse, ImageSummary } from "./docker.ts";
import type { Volume } from "./docker_volume.ts";

/** A volume with what is in it. */
export interface VolumeUsage extends Volume {
  UsageData: {
    /** How many containers use it. */
    RefCount: number;
    /** Bytes. */
    Size: number;
  };
}

/** `GET /system/df`. What was not asked for is null, and its sizes are 0. Sizes in bytes. */
export interface DiskUsage {
  /** Of the layers of all images, each counted once. */
  LayersSize: number;
  Images: ImageSummary[] | null;
  Containers: ContainerSummary[] | null;
  Volumes: VolumeUsage[] | null;
  /** What a builder keeps to be quicker the next time. */
  BuildCache: BuildCacheRecord[] | null;
}

/** A record of the build cache. */
export interface BuildCacheRecord {
  ID: string;
  Type: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  /** RFC 3339. */
  CreatedAt: string;
  /** Null where it was never used. */
  LastUsedAt: string | null;
  UsageCount: number;
}

/** `POST /images/prune`. */
export interface ImagePruneResponse {
  ImagesDeleted: ImageDeleteResponse[] | null;
  /** Bytes of the layers that went. */
  SpaceReclaimed: number;
}

/** `POST /networks/prune`. */
export interface NetworkPruneResponse {
  NetworksDeleted: string[] | null;
}

/** `POST /build/prune`. */
export interface BuildPruneResponse {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

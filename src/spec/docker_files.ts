/** The Docker Engine API's JSON shapes about files of containers, v1.51. */

/** `X-Docker-Container-Path-Stat`, in base64. */
export interface PathStat {
  name: string;
  size: number;
  /** Go's file mode: file_mode.ts. */
  mode: number;
  mtime: string;
  /** Where a symbolic link leads, as a path in the container; else empty. */
  linkTarget: string;
}

/** A row of `GET /containers/{id}/changes`. */
export interface FilesystemChange {
  Path: string;
  /** 0 modified, 1 added, 2 deleted. */
  Kind: 0 | 1 | 2;
}

/** `POST /containers/prune`. */
export interface ContainerPruneResponse {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

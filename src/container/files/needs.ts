/** What work on a container's files needs of the image store. The daemon hands in what satisfies it. */

import type { PathStat } from "../../spec/docker_files.ts";
import type { Digest, ImageRunConfig } from "../../spec/oci_image.ts";

/** What is to be seen of a container. */
export interface ViewOptions {
  /** Its first process, where it runs: what that sees is seen. */
  pid?: number;
  /** What is mounted in it when it runs, for when it does not. */
  mounts: readonly { source: string; target: string; readOnly: boolean }[];
  readOnly: boolean;
}

/** A container's files from outside. Paths are the container's, and never lead out of its root. Not-found errors are thrown. */
export interface FileView extends Disposable {
  stat(path: string): PathStat;
  /** The archive may be read until the view is disposed of. */
  pack(path: string): { stat: PathStat; archive: AsyncIterable<Uint8Array> };
  /** Throws invalid, when the path is no directory or the archive is refused; forbidden, where it is read-only. */
  unpack(
    to: { path: string; archive: AsyncIterable<Uint8Array> },
    options: { keepKinds: boolean; owner?: { uid: number; gid: number } },
  ): Promise<void>;
  /** The text of a file; undefined where there is none. */
  readText(path: string): string | undefined;
}

export interface FileChange {
  path: string;
  kind: "added" | "modified" | "deleted";
}

/** An image to be made of what a container wrote. */
export interface CommitRequest {
  container: string;
  /** The image it was made from. */
  image: Digest;
  config: ImageRunConfig;
  /** `name[:tag]` to give it; none leaves it without a name. */
  reference?: string;
  author: string;
  comment: string;
  /** What ran, for the history. */
  createdBy: string;
  /** Called once the container's files have been read. */
  whenRead: () => Promise<void>;
}

export interface Files {
  /** Mounts the snapshot where it is not, and leaves it so. */
  open(containerId: string, options: ViewOptions): Promise<FileView>;
  /** Against the image, in the order of paths; mounted or not. */
  changes(containerId: string): Promise<FileChange[]>;
  /** The snapshot, which has to be mounted at `root` to the end, without what is mounted in it. */
  exported(containerId: string, root: string): AsyncIterable<Uint8Array>;
  commit(request: CommitRequest): Promise<Digest>;
  /** A configuration with Dockerfile instructions applied. Throws invalid. */
  applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig;
}

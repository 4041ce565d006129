/** Where things lie below the engine's data directory. See docs/on-disk.md. */

import { join } from "node:path";
import { hexOf } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";

export interface Paths {
  /** The OCI image layout. */
  images: string;
  index: string;
  blobs: string;
  /** Unfinished blobs. On the same file system as what they become, as are unfinished layers. */
  ingest: string;
  /** Notes of images that were pruned and wait. */
  trash: string;
  /** Blobs of which a pull that was cut short has had the beginning, by digest. */
  partial: string;
  layers: string;
  /** Unfinished layers, and layers on their way out. */
  layerIngest: string;
  containers: string;
}

export function pathsIn(root: string): Paths {
  const images = join(root, "images");
  const layers = join(root, "layers");
  return {
    images,
    index: join(images, "index.json"),
    blobs: join(images, "blobs", "sha256"),
    ingest: join(images, "ingest"),
    trash: join(images, "trash"),
    partial: join(images, "partial"),
    layers,
    layerIngest: join(layers, "ingest"),
    containers: join(root, "containers"),
  };
}

export function blobPath(paths: Paths, digest: Digest): string {
  return join(paths.blobs, hexOf(digest));
}

/** The directory of a layer: its chain ID without `sha256:`, for overlay takes colons as separators. */
export function layerPath(paths: Paths, chainId: Digest): string {
  return join(paths.layers, hexOf(chainId));
}

/** Tells this process's unfinished files from those that an earlier one left. */
const SESSION = `${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
let made = 0;

/** A name for an unfinished file that no other has. */
export function uniqueName(): string {
  made += 1;
  return `${SESSION}-${made}`;
}

/** Whether an unfinished file is this process's own. */
export function isOurs(name: string): boolean {
  return name.startsWith(SESSION);
}

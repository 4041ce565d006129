/**
 * The image store: one for each data directory, made by the daemon and handed to the functions of this folder.
 *
 * Reading is from the catalog in memory and costs microseconds. Changes run one at a time; each writes index.json as its last
 * step, and what it made or left unreferenced before that point is collected, so that a failure or a kill leaves the old state.
 */

import type { Digest, ImageIndex } from "../spec/oci_image.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { type Mutex, mutex } from "../std/mutex.ts";
import { type Catalog, catalogOf, loadCatalog } from "./_catalog.ts";
import { makeLayout, writeIndex } from "./_index.ts";
import { type LayerPulls, layerPulls } from "./_layer_pulls.ts";
import type { Leases } from "./_leases.ts";
import { type Paths, pathsIn } from "./_paths.ts";
import type { SnapshotDriver } from "./driver.ts";

/** Something that happened to an image, for whoever listens. */
export interface ImageEvent {
  action: "import" | "create" | "load" | "save" | "tag" | "untag" | "delete";
  id: Digest;
  /** Docker's: the image's labels, and `name`, which is the reference or the ID. */
  attributes: Record<string, string>;
}

/** A container that was made from an image. */
export interface ImageUser {
  id: string;
  running: boolean;
}

export interface StoreOptions {
  /** The engine's data directory: images, layers and containers lie below it. */
  root: string;
  driver: SnapshotDriver;
  /** The containers made from an image. Called while the store is locked; must not call back into it. */
  usersOf?: (image: Digest) => readonly ImageUser[];
  emit?: (event: ImageEvent) => void;
}

/** Its fields are this folder's own affair. */
export interface ImageStore {
  readonly paths: Paths;
  readonly driver: SnapshotDriver;
  readonly usersOf: (image: Digest) => readonly ImageUser[];
  readonly emit: (event: ImageEvent) => void;
  /** Changes go through it. */
  readonly exclusive: Mutex;
  /** The layer below each layer, as far as it was asked for. */
  readonly parents: Map<Digest, Digest | undefined>;
  /** The topmost layer of each container's snapshot, as far as it was asked for. */
  readonly tops: Map<string, Digest | undefined>;
  /** The users of the host as whom each container's appear, as far as it was asked for. */
  readonly idMaps: Map<string, IdMaps | undefined>;
  /** Blobs that stay for what is being made. */
  readonly leases: Leases;
  /** Deletions under way. */
  readonly background: Set<Promise<void>>;
  /** Layers on their way in. */
  readonly pulls: LayerPulls;
  catalog: Promise<Catalog> | undefined;
}

/** Nothing is read or made before it is needed. */
export function openImages(options: StoreOptions): ImageStore {
  return {
    paths: pathsIn(options.root),
    driver: options.driver,
    usersOf: options.usersOf ?? (() => []),
    emit: options.emit ?? (() => undefined),
    exclusive: mutex(),
    parents: new Map(),
    tops: new Map(),
    idMaps: new Map(),
    leases: new Map(),
    background: new Set(),
    pulls: layerPulls(),
    catalog: undefined,
  };
}

/** The images as they are now. A failure to read them is not kept: the next call tries again. */
export function currentCatalog(store: ImageStore): Promise<Catalog> {
  store.catalog ??= loadCatalog(store.paths).catch((error: unknown) => {
    store.catalog = undefined;
    throw error;
  });
  return store.catalog;
}

/** Puts another index in the place of the current one, on disk and then in memory. Only while the store is locked. */
export async function replaceIndex(store: ImageStore, index: ImageIndex): Promise<Catalog> {
  const { images } = await currentCatalog(store);
  const catalog = await catalogOf(index, { paths: store.paths, known: images });
  await makeLayout(store.paths);
  await writeIndex(store.paths, index);
  store.catalog = Promise.resolve(catalog);
  return catalog;
}

/** Lets the deletion of what is out of sight already go on by itself. */
export function inBackground(store: ImageStore, deletion: Promise<void>): void {
  // What it could not delete, the next start does: recoverImages.
  const settled = deletion.catch(() => undefined).then(() => void store.background.delete(settled));
  store.background.add(settled);
}

/** Waits for deletions under way; to be called before the daemon ends, so that the next start has nothing to do. */
export async function settleImages(store: ImageStore): Promise<void> {
  await Promise.all(store.background);
}

/** What a snapshot holds, as a whole: its root to look into, what was written to it, and its export; and an image made of it. */

import { openPath, owned, type ViewMount, viewOfProcess, viewWithMounts } from "../kernel/mod.ts";
import type { Digest, ImageConfig, ImageRunConfig } from "../spec/oci_image.ts";
import { familiarText, parseReference, type Reference, withDefaultTag } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { imageEvent } from "./_events.ts";
import { type Owners, ownersBy, ownersOnDisk } from "./_owners.ts";
import { pack } from "./_pack.ts";
import { packLayer } from "./_pack_layer.ts";
import { type StagedLayer, stageLayer } from "./_stage.ts";
import { type Upper, writtenIn } from "./_written.ts";
import { commitImage } from "./commit.ts";
import type { SnapshotView } from "./files.ts";
import { mountSnapshot, snapshotOf } from "./snapshots.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

export interface ViewOptions {
  /** The first process of the container, where one runs: what it sees is seen. */
  pid?: number;
  /** What is mounted in it when it runs, for when it does not. */
  mounts: readonly ViewMount[];
  readOnly: boolean;
}

/** The root of a container for work on its files. Mounts the snapshot where it is not, and leaves it so. */
export async function openSnapshot(
  store: ImageStore,
  container: string,
  { pid, mounts, readOnly }: ViewOptions,
): Promise<SnapshotView> {
  const root = await mountSnapshot(store, container);
  const owners = await ownersOf(store, container);
  const running = pid === undefined ? undefined : viewOfProcess(pid, root);
  const view = running ?? viewWithMounts(root, mounts, { readOnly });
  return { fd: view.fd, owners, [Symbol.dispose]: () => view[Symbol.dispose]() };
}

/** A file that a container has added, changed or removed. */
export interface Change {
  path: string;
  kind: "added" | "modified" | "deleted";
}

/** What was written to a snapshot, against its image; mounted or not. */
export async function snapshotChanges(store: ImageStore, container: string): Promise<Change[]> {
  const written = await writtenIn(
    await upperOf(store, container),
    (await snapshotOf(store, container)).layers,
  );
  return written.flatMap(({ path, kind }) =>
    kind === "same" ? [] : [{ path: Buffer.from(path, "latin1").toString(), kind }],
  );
}

/** The whole root as an archive, as it is without what is mounted in it. The snapshot has to be mounted until it ends. */
export async function* exportSnapshot(
  store: ImageStore,
  { container, root }: { container: string; root: string },
): AsyncGenerator<Uint8Array, void> {
  const owners = await ownersOf(store, container);
  using directory = owned(openPath(root));
  yield* pack({ directory: directory.fd, name: "" }, { name: "", owners });
}

export interface SnapshotCommit {
  container: string;
  /** The image it was made from. */
  image: Digest;
  config: ImageRunConfig;
  /** `name[:tag]`; none leaves it without a name. */
  reference?: string;
  author: string;
  comment: string;
  /** What ran in the container, for the history. */
  createdBy: string;
  /** Called once the snapshot has been read. */
  whenRead: () => Promise<void>;
}

/**
 * Makes an image of a snapshot: the layers below it, and one of what was written, if anything was.
 * @throws {FathomError} not-found, when the image below has gone; invalid, for the reference; unavailable, when the disk is full.
 */
export async function commitSnapshot(store: ImageStore, request: SnapshotCommit): Promise<Digest> {
  const reference = commitReference(request.reference);
  const base = (await currentCatalog(store)).byId.get(request.image);
  if (base === undefined) throw new FathomError("not-found", `No such image: ${request.image}`);
  const { layers } = await snapshotOf(store, request.container);
  const upper = await upperOf(store, request.container);
  await using layer = await stageLayer(store.paths, packLayer(upper, layers), { flush: false });
  await request.whenRead();
  const staged = layer.diffId === EMPTY_LAYER ? [] : [layer];
  const config = configOf(base.config, staged, request);
  const id = await commitImage(store, { config, layers: staged, base: base.id }, reference);
  store.emit(imageEvent("create", { id, config }));
  if (reference !== undefined) store.emit(imageEvent("tag", { id, config }, familiarText(reference)));
  return id;
}

/** Digest of an archive without entries. */
export const EMPTY_LAYER = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/** The name to give a new image. @throws {FathomError} invalid */
export function commitReference(text: string | undefined): Reference | undefined {
  if (text === undefined) return undefined;
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest !== undefined)
    throw new FathomError("invalid", "refusing to create a tag with a digest reference");
  return reference;
}

function configOf(
  { architecture, os, variant, rootfs, history = [] }: ImageConfig,
  staged: readonly StagedLayer[],
  request: SnapshotCommit,
): ImageConfig {
  const created = rfc3339(wallClock());
  const { author, comment, createdBy } = request;
  return {
    created,
    ...(author && { author }),
    architecture,
    ...(variant !== undefined && { variant }),
    os,
    config: request.config,
    rootfs: { type: "layers", diff_ids: [...rootfs.diff_ids, ...staged.map(({ diffId }) => diffId)] },
    history: [
      ...history,
      {
        created,
        created_by: createdBy,
        ...(author && { author }),
        ...(comment && { comment }),
        ...(staged.length === 0 && { empty_layer: true }),
      },
    ],
    parent: request.image,
    container: request.container,
  };
}

async function upperOf(store: ImageStore, container: string): Promise<Upper> {
  const { idMaps, ...snapshot } = await snapshotOf(store, container);
  const upper = store.driver.upperOf(snapshot);
  return { ...upper, owners: upper.form === "whole" ? ownersOnDisk(idMaps) : ownersBy(idMaps) };
}

async function ownersOf(store: ImageStore, container: string): Promise<Owners> {
  return ownersBy((await snapshotOf(store, container)).idMaps);
}

/** Brings an image of the store to a registry: its layers, several at a time, its configuration, and last the manifest. */

import { shortId } from "../spec/digest.ts";
import type { Descriptor, Digest, Platform } from "../spec/oci_image.ts";
import { platformText } from "../spec/platform.ts";
import {
  canonicalText,
  familiarName,
  familiarText,
  parseReference,
  type Reference,
  repositoryOf,
} from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { slots } from "../std/slots.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { readBlob } from "./_blobs.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { withCompressedLayers } from "./_compress.ts";
import { withReference } from "./_index.ts";
import { readRange } from "./_partial.ts";
import { blobPath } from "./_paths.ts";
import { suits } from "./_platform.ts";
import type { ImageTarget, Tell } from "./_source.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

export interface PushRequest {
  target: ImageTarget;
  /** Repositories of the same registry that may have a layer already. */
  mounts: ReadonlyMap<Digest, string>;
  /** What the image must be for. */
  platform: Platform | undefined;
  /** Layers at a time. */
  uploads: number;
  tell: Tell;
  signal: AbortSignal;
}

export interface Pushed {
  id: Digest;
  /** Of the manifest. */
  digest: Digest;
  /** Bytes of the manifest. */
  size: number;
}

/** The tags that a repository has here, as whole references. @throws {FathomError} not-found, in Docker's wording */
export async function namedIn(store: ImageStore, repository: Reference): Promise<Reference[]> {
  const { byReference } = await currentCatalog(store);
  const references = [...byReference.keys()].map(parseReference);
  const named = references.filter(
    (one) =>
      one.tag !== undefined && one.digest === undefined && repositoryOf(one) === repositoryOf(repository),
  );
  if (named.length > 0) return named;
  throw new FathomError(
    "not-found",
    `An image does not exist locally with the tag: ${familiarName(repository)}`,
  );
}

/** By layer a repository of the same registry that is known to have it: one that an image with it was pulled from or pushed to. */
export async function mountCandidates(store: ImageStore, target: Reference): Promise<Map<Digest, string>> {
  const { byReference } = await currentCatalog(store);
  const found = new Map<Digest, string>();
  for (const [text, image] of byReference) {
    const { domain, path, digest } = parseReference(text);
    if (digest === undefined || domain !== target.domain || path === target.path) continue;
    for (const layer of image.manifest.layers) found.set(layer.digest, path);
  }
  return found;
}

/** @param reference with its tag. @throws {FathomError} not-found; what the registry says */
export async function pushImage(
  store: ImageStore,
  reference: Reference,
  request: PushRequest,
): Promise<Pushed> {
  const { target, tell } = request;
  const local = await imageOf(store, reference);
  requirePlatform(local, reference, request.platform);
  for (const { id } of layerIds(local)) tell({ id, status: "Preparing" });
  const image = await withCompressedLayers(store, canonicalText(reference), request.signal);
  await pushLayers(store, image, request);
  const { config } = image.manifest;
  if (!(await target.hasBlob(config.digest))) await target.putBlob(stored(store, config));
  const { digest, mediaType, size } = image.descriptor;
  const bytes = Buffer.from(await readBlob(store.paths, digest));
  await target.putManifest(reference.tag ?? digest, { mediaType, bytes });
  await remember(store, image, `${repositoryOf(reference)}@${digest}`);
  return { id: image.id, digest, size };
}

async function imageOf(store: ImageStore, reference: Reference): Promise<Image> {
  const image = (await currentCatalog(store)).byReference.get(canonicalText(reference));
  if (image !== undefined) return image;
  throw new FathomError(
    "not-found",
    `An image does not exist locally with the tag: ${familiarName(reference)}`,
  );
}

function requirePlatform({ config }: Image, reference: Reference, wanted: Platform | undefined): void {
  if (wanted === undefined || suits(config, wanted)) return;
  throw new FathomError(
    "not-found",
    `image with reference ${familiarText(reference)} was found but does not provide the specified platform (${platformText(wanted)})`,
  );
}

/** Each layer once, with what its line is called: Docker shows diff IDs here. */
function layerIds({ manifest, config }: Image): { id: string; layer: Descriptor }[] {
  const seen = new Set<Digest>();
  return manifest.layers.flatMap((layer, index) => {
    if (seen.has(layer.digest)) return [];
    seen.add(layer.digest);
    return [{ id: shortId(config.rootfs.diff_ids[index] ?? layer.digest), layer }];
  });
}

async function pushLayers(store: ImageStore, image: Image, request: PushRequest): Promise<void> {
  const room = slots(request.uploads);
  await settleAll(
    layerIds(image).map(({ id, layer }) =>
      room.run(
        () => pushLayer(store, layer, { ...request, tell: (news) => request.tell({ id, ...news }) }),
        () => request.tell({ id, status: "Waiting" }),
      ),
    ),
  );
}

async function pushLayer(store: ImageStore, layer: Descriptor, request: PushRequest): Promise<void> {
  const { target, mounts, tell, signal } = request;
  signal.throwIfAborted();
  if (layer.urls !== undefined) return tell({ status: "Skipped foreign layer" });
  if (await target.hasBlob(layer.digest)) return tell({ status: "Layer already exists" });
  const from = mounts.get(layer.digest);
  if (from !== undefined && (await target.mountBlob(layer.digest, from))) {
    return tell({ status: `Mounted from ${from}` });
  }
  await target.putBlob(stored(store, layer, tell));
  tell({ status: "Pushed" });
}

/** Milliseconds between two reports of the same upload. */
const REPORT_MS = 100;

function stored(
  store: ImageStore,
  { digest, size }: Descriptor,
  tell?: Tell,
): Parameters<ImageTarget["putBlob"]>[0] {
  const path = blobPath(store.paths, digest);
  async function* read(from: number, to: number): AsyncGenerator<Uint8Array, void> {
    let current = from;
    let due = 0;
    for await (const piece of readRange(path, from, to)) {
      yield piece;
      current += piece.length;
      const now = performance.now();
      if (now < due && current < size) continue;
      due = now + REPORT_MS;
      tell?.({ status: "Pushing", current, total: size });
    }
  }
  return { digest, size, read };
}

/** From now on the image is known by its digest there, too. */
async function remember(store: ImageStore, image: Image, reference: string): Promise<void> {
  await store.exclusive(async () => {
    const catalog: Catalog = await currentCatalog(store);
    const isThere = catalog.images.has(image.descriptor.digest) && !catalog.byReference.has(reference);
    if (!isThere) return;
    const name = { reference, at: rfc3339(wallClock()) };
    await replaceIndex(store, withReference(catalog.index, image.descriptor, name));
  });
}

/**
 * Compresses an image's layers before they go to a registry, once: what `import` and `commit` made is kept as plain tar, and registries
 * are given gzip.
 *
 * The image keeps its ID, for its configuration names the uncompressed layers. Its manifest is another, and takes the old one's place in
 * the store, so that the image has the same digest in every registry it is pushed to. The same bytes come of the same layer always:
 * one level, no name and no time in the header.
 */

import { rm } from "node:fs/promises";
import type { Descriptor, Digest, ImageManifest } from "../spec/oci_image.ts";
import { MEDIA_TYPE } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { slots } from "../std/slots.ts";
import { beginBlob, type PendingBlob, publishBlob, putBlob } from "./_blobs.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { readPart } from "./_partial.ts";
import { blobPath } from "./_paths.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

const LEVEL = 6;
const AT_A_TIME = 2;

/** The image of a reference with no plain layer left. @throws {FathomError} not-found */
export async function withCompressedLayers(
  store: ImageStore,
  reference: string,
  signal: AbortSignal,
): Promise<Image> {
  const image = named(await currentCatalog(store), reference);
  const plain = image.manifest.layers.filter(({ mediaType }) => mediaType === MEDIA_TYPE.layer);
  if (plain.length === 0) return image;
  await using stack = new AsyncDisposableStack();
  const room = slots(AT_A_TIME);
  const compressed = new Map<Digest, PendingBlob>();
  await settleAll(
    [...new Set(plain)].map((layer) =>
      room.run(async () => {
        const pending = await compress(store, layer, signal);
        stack.defer(() => rm(pending.path, { force: true }));
        compressed.set(layer.digest, pending);
      }),
    ),
  );
  return await store.exclusive(() => replaced(store, { image, reference, compressed }));
}

function named({ byReference }: Catalog, reference: string): Image {
  const image = byReference.get(reference);
  if (image !== undefined) return image;
  throw new FathomError("not-found", `No such image: ${reference}`);
}

async function compress(
  store: ImageStore,
  { digest, size }: Descriptor,
  signal: AbortSignal,
): Promise<PendingBlob> {
  const [{ pipeline, Readable }, { createGzip }] = await Promise.all([
    import("node:stream"),
    import("node:zlib"),
  ]);
  await using blob = await beginBlob(store.paths);
  const through = createGzip({ level: LEVEL, chunkSize: 256 * 1024 });
  // Errors come out of the iteration below; the callback keeps them from being thrown a second time.
  pipeline(Readable.from(readPart(blobPath(store.paths, digest), size)), through, () => undefined);
  for await (const piece of through) {
    signal.throwIfAborted();
    await blob.write(piece as Uint8Array);
  }
  return await blob.finish();
}

interface Replacement {
  image: Image;
  reference: string;
  compressed: ReadonlyMap<Digest, PendingBlob>;
}

/** Only while the store is locked. All names of the old manifest go over to the new one. */
async function replaced(store: ImageStore, { image, reference, compressed }: Replacement): Promise<Image> {
  const { index, images } = await currentCatalog(store);
  if (!images.has(image.descriptor.digest)) throw new FathomError("not-found", `No such image: ${reference}`);
  for (const blob of compressed.values()) await publishBlob(store.paths, blob);
  const layers = image.manifest.layers.map((layer) => descriptorOf(layer, compressed.get(layer.digest)));
  const content: ImageManifest = { ...image.manifest, layers };
  const { digest, size } = await putBlob(store.paths, JSON.stringify(content));
  const manifests = index.manifests.map((one) =>
    one.digest === image.descriptor.digest ? { ...one, digest, size } : one,
  );
  const catalog = await replaceIndex(store, { ...index, manifests });
  await collect(store);
  const found = catalog.images.get(digest);
  if (found === undefined)
    throw new FathomError("internal", `the compressed image of ${reference} cannot be read`);
  return found;
}

function descriptorOf(layer: Descriptor, compressed: PendingBlob | undefined): Descriptor {
  if (compressed === undefined) return layer;
  return { ...layer, mediaType: MEDIA_TYPE.layerGzip, digest: compressed.digest, size: compressed.size };
}

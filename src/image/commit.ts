/**
 * Makes an image of a configuration and its layers: the one way in, for what is made here: an import, a commit or a build. What
 * was made elsewhere comes in by adopt.ts.
 *
 * Everything is on disk, whole and flushed, before index.json names it; what a failure leaves unnamed is collected. Layers come
 * unflushed (`flush: false`), for their blobs and the documents are flushed together.
 */

import { chainIds, digestOf } from "../spec/digest.ts";
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  MEDIA_TYPE,
} from "../spec/oci_image.ts";
import { canonicalText, type Reference } from "../spec/reference.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { flushPending, publishBlob, putBlob } from "./_blobs.ts";
import type { Image } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { makeLayout, withManifest, withReference } from "./_index.ts";
import { placeLayer } from "./_place_layer.ts";
import { diskFullError } from "./_refusals.ts";
import type { StagedLayer } from "./_stage.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

export interface NewImage {
  /** Names all its layers, the base's too. */
  config: ImageConfig;
  /** Those on top of the base's. */
  layers: readonly StagedLayer[];
  /** The image whose layers come first. */
  base?: Digest;
  /** How many of them, from the bottom; all unless told. */
  keep?: number;
}

/** @throws {FathomError} unavailable, when the disk is full; not-found, when the base has gone; the store is then as it was. */
export async function commitImage(
  store: ImageStore,
  image: NewImage,
  reference: Reference | undefined,
): Promise<Digest> {
  return store.exclusive(async () => {
    const { index, byId } = await currentCatalog(store);
    const base = image.base === undefined ? undefined : lowerPart(byId.get(image.base), image.keep);
    if (image.base !== undefined && base === undefined)
      throw new FathomError("not-found", `No such image: ${image.base}`);
    try {
      await makeLayout(store.paths);
      const documents = documentsOf(image, base);
      await settleAll([
        flushPending(image.layers.map(({ blob }) => blob)),
        ...documents.contents.map((content) => putBlob(store.paths, content)),
      ]);
      await adoptLayers(store, image.layers, base);
      const { manifest, id } = documents;
      const at = rfc3339(wallClock());
      const named =
        reference === undefined
          ? withManifest(index, manifest)
          : withReference(index, manifest, { reference: canonicalText(reference), at });
      await replaceIndex(store, named);
      return id;
    } catch (error) {
      await collect(store).catch((second: unknown) => {
        throw new AggregateError([error, second], messageOf(error));
      });
      throw diskFullError(error, store.paths.images);
    }
  });
}

/** What a new image stands on. */
interface Base {
  diffIds: readonly Digest[];
  chain: readonly Digest[];
  layers: readonly Descriptor[];
}

function lowerPart(image: Image | undefined, keep: number | undefined): Base | undefined {
  return (
    image && {
      diffIds: image.config.rootfs.diff_ids.slice(0, keep),
      chain: image.chain.slice(0, keep),
      layers: image.manifest.layers.slice(0, keep),
    }
  );
}

/** Gives staged layers their final names, bottom first. One that is there already is the same. */
async function adoptLayers(
  store: ImageStore,
  layers: readonly StagedLayer[],
  base: Base | undefined,
): Promise<void> {
  const baseIds = base?.diffIds ?? [];
  const chain = chainIds([...baseIds, ...layers.map(({ diffId }) => diffId)]);
  let below = base?.chain.at(-1);
  for (const [index, layer] of layers.entries()) {
    await publishBlob(store.paths, layer.blob);
    const chainId = chain[baseIds.length + index] ?? layer.diffId;
    await placeLayer(store, layer, { chainId, below });
    below = chainId;
  }
}

interface Documents {
  id: Digest;
  manifest: Descriptor;
  contents: readonly Buffer[];
}

/** The configuration, and the manifest that names it. */
function documentsOf({ config, layers }: NewImage, base: Base | undefined): Documents {
  const configuration = Buffer.from(JSON.stringify(config));
  const content: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...sizedDigest(configuration) },
    layers: [
      ...(base?.layers ?? []),
      ...layers.map(({ blob, mediaType }) => ({ mediaType, digest: blob.digest, size: blob.size })),
    ],
  };
  const manifest = Buffer.from(JSON.stringify(content));
  const { os, architecture, variant } = config;
  const platform = { architecture, os, ...(variant !== undefined && { variant }) };
  return {
    id: digestOf(configuration),
    manifest: { mediaType: MEDIA_TYPE.manifest, ...sizedDigest(manifest), platform },
    contents: [configuration, manifest],
  };
}

function sizedDigest(content: Buffer): { digest: Digest; size: number } {
  return { digest: digestOf(content), size: content.length };
}

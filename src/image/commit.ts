/**
 * Makes an image of a configuration and its layers: the one way in, for an import, a pull or a build.
 *
 * Everything is on disk, whole and flushed, before index.json names it; what a failure leaves unnamed is collected.
 */

import { rename } from "node:fs/promises";
import { join } from "node:path";
import { chainIds, hexOf } from "../spec/digest.ts";
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  MEDIA_TYPE,
} from "../spec/oci_image.ts";
import { canonicalText, type Reference } from "../spec/reference.ts";
import { codeOf } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { publishBlob, putBlob, syncDirectory } from "./_blobs.ts";
import { collect } from "./_collect.ts";
import { makeLayout, withManifest, withReference } from "./_index.ts";
import { layerPath } from "./_paths.ts";
import { diskFullError } from "./_refusals.ts";
import type { StagedLayer } from "./_stage.ts";
import { linkTo, PARENT } from "./snapshots.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

/** @throws {FathomError} unavailable, when the disk is full; the store is then as it was. */
export async function commitImage(
  store: ImageStore,
  image: { config: ImageConfig; layers: readonly StagedLayer[] },
  reference: Reference | undefined,
): Promise<Digest> {
  return store.exclusive(async () => {
    const { index } = await currentCatalog(store);
    try {
      await makeLayout(store.paths);
      await adoptLayers(store, image.layers);
      const { manifest, id } = await putManifest(store, image);
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

/** Gives staged layers their final names, bottom first. One that is there already is the same. */
async function adoptLayers(store: ImageStore, layers: readonly StagedLayer[]): Promise<void> {
  const chain = chainIds(layers.map(({ diffId }) => diffId));
  let below: Digest | undefined;
  for (const [index, layer] of layers.entries()) {
    await publishBlob(store.paths, layer.blob);
    const chainId = chain[index] ?? layer.diffId;
    const path = layerPath(store.paths, chainId);
    if (below !== undefined) await linkTo(`../${hexOf(below)}`, join(layer.directory, PARENT));
    await rename(layer.directory, path).catch(ignoreExisting);
    store.parents.set(chainId, below);
    below = chainId;
  }
  await Promise.all([syncDirectory(store.paths.blobs), syncDirectory(store.paths.layers)]);
}

/** A directory cannot take the place of one that has something in it: rename(2). */
function ignoreExisting(error: unknown): void {
  const code = codeOf(error);
  if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
}

async function putManifest(
  store: ImageStore,
  { config, layers }: { config: ImageConfig; layers: readonly StagedLayer[] },
): Promise<{ manifest: Descriptor; id: Digest }> {
  const configuration = await putBlob(store.paths, JSON.stringify(config));
  const content: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...configuration },
    layers: layers.map(({ blob, mediaType }) => ({ mediaType, digest: blob.digest, size: blob.size })),
  };
  const manifest = await putBlob(store.paths, JSON.stringify(content));
  const { os, architecture, variant } = config;
  const platform = { architecture, os, ...(variant !== undefined && { variant }) };
  return { manifest: { mediaType: MEDIA_TYPE.manifest, ...manifest, platform }, id: configuration.digest };
}

/**
 * Makes an image of documents that were made elsewhere: byte for byte as they came, so that its ID, and the digest of its manifest,
 * are those that everybody else knows it by.
 *
 * Its layers were staged before (_stage.ts), or are in the store already. Everything is whole before index.json names it, its
 * documents are flushed, and its layers are flushed after that (flushBlobs); what a failure leaves unnamed is collected.
 */

import { access } from "node:fs/promises";
import { chainIds, digestOf } from "../spec/digest.ts";
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  MEDIA_TYPE,
} from "../spec/oci_image.ts";
import { canonicalText, type Reference } from "../spec/reference.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { type Expected, flushBlobs, publishBlob, putBlob } from "./_blobs.ts";
import { diffIdsKnown } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { makeLayout, withManifest, withReference } from "./_index.ts";
import { blobPath, layerPath } from "./_paths.ts";
import { type LayerPlace, placeLayer } from "./_place_layer.ts";
import { diskFullError } from "./_refusals.ts";
import { type StagedLayer, stageLayer } from "./_stage.ts";
import { currentCatalog, type ImageStore, inBackground, replaceIndex } from "./store.ts";

/** A layer as an image that arrives names it. */
export interface ArrivedLayer extends Expected {
  mediaType: string;
}

export interface ArrivedImage {
  /** Its digest is the image's ID. */
  content: Uint8Array;
  /** What it says. */
  config: ImageConfig;
  /** As it came; where none did, one is made. */
  manifest?: { content: Uint8Array; mediaType: string };
  /** Bottom first, as many as the configuration has diff IDs. */
  layers: readonly ArrivedLayer[];
  /** Names to give it; none leaves it without. */
  references: readonly Reference[];
  /** The ID of the image it was made from, as the archive says. */
  parent?: string;
}

/** Staged layers by the digest of their blob. They stay their owner's, who disposes of what was not needed. */
export type StagedLayers = ReadonlyMap<Digest, StagedLayer>;

export interface Adopted {
  id: Digest;
  /** The image that had a name before, by the name. */
  replaced: ReadonlyMap<Reference, Digest>;
}

/**
 * An image that is here already keeps its manifest, and only gets the names.
 * @throws {FathomError} invalid, when a layer is not what the configuration says; unavailable, when the disk is full; the store
 *   is then as it was.
 */
export async function adoptImage(
  store: ImageStore,
  image: ArrivedImage,
  staged: StagedLayers,
): Promise<Adopted> {
  const id = digestOf(image.content);
  return store.exclusive(async () => {
    const { index, byId, byReference } = await currentCatalog(store);
    try {
      await makeLayout(store.paths);
      const manifest = byId.get(id)?.descriptor ?? (await adopt(store, image, staged));
      const at = rfc3339(wallClock());
      const names = image.references.map(canonicalText);
      const named = names.reduce(
        (now, reference) => withReference(now, manifest, { reference, at }),
        withManifest(index, manifest),
      );
      await replaceIndex(store, named);
      const layers = image.layers.map(({ digest }) => digest);
      inBackground(store, flushBlobs(store.paths, layers));
      const before = image.references.flatMap((reference): [Reference, Digest][] => {
        const other = byReference.get(canonicalText(reference))?.id;
        return other === undefined || other === id ? [] : [[reference, other]];
      });
      return { id, replaced: new Map(before) };
    } catch (error) {
      await collect(store).catch((second: unknown) => {
        throw new AggregateError([error, second], messageOf(error));
      });
      throw diskFullError(error, store.paths.images);
    }
  });
}

/** Brings in layers, then the documents that name them. */
async function adopt(store: ImageStore, image: ArrivedImage, staged: StagedLayers): Promise<Descriptor> {
  const { diff_ids: diffIds } = image.config.rootfs;
  const chain = chainIds(diffIds);
  const known = diffIdsKnown(await currentCatalog(store));
  for (const [at, layer] of image.layers.entries()) {
    const own = staged.get(layer.digest);
    checkDiffId(layer, { expected: diffIds[at], found: own?.diffId ?? known.get(layer.digest) });
    await adoptLayer(
      store,
      { ...layer, staged: own },
      { chainId: chain[at] ?? layer.digest, below: chain[at - 1] },
    );
  }
  return putDocuments(store, image);
}

interface Source extends ArrivedLayer {
  staged: StagedLayer | undefined;
}

/** What stands on two different layers is unpacked for each: the second time from its blob. */
async function adoptLayer(store: ImageStore, layer: Source, place: LayerPlace): Promise<void> {
  const { digest, size, staged } = layer;
  const path = blobPath(store.paths, digest);
  if (!(await exists(path))) {
    if (staged === undefined)
      throw new FathomError("internal", `blob ${digest} has gone while its image was made`);
    await publishBlob(store.paths, staged.blob);
  }
  if (await exists(layerPath(store.paths, place.chainId))) return;
  if (staged !== undefined && (await exists(staged.directory))) return placeLayer(store, staged, place);
  await using again = await stageLayer(store.paths, Bun.file(path).stream(), {
    keep: "stored",
    expected: { digest, size },
  });
  await placeLayer(store, again, place);
}

/** @throws {FathomError} invalid, when a layer holds something else than the configuration says */
function checkDiffId(
  { digest }: ArrivedLayer,
  { expected, found }: Record<"expected" | "found", Digest | undefined>,
): void {
  if (found === undefined) throw new FathomError("invalid", `layer ${digest} of the image did not come`);
  if (found === expected) return;
  throw new FathomError(
    "invalid",
    `invalid diffID for layer ${digest}: expected "${expected}", got "${found}"`,
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, ifAbsent(false));
}

async function putDocuments(store: ImageStore, image: ArrivedImage): Promise<Descriptor> {
  const configuration = await putBlob(store.paths, image.content);
  const { content, mediaType } = image.manifest ?? {
    mediaType: MEDIA_TYPE.manifest,
    content: JSON.stringify(manifestOf(image, configuration)),
  };
  const manifest = await putBlob(store.paths, content);
  const { os, architecture, variant } = image.config;
  const platform = { architecture, os, ...(variant !== undefined && { variant }) };
  return { mediaType, ...manifest, platform };
}

function manifestOf({ layers }: ArrivedImage, configuration: Expected): ImageManifest {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, ...configuration },
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  };
}

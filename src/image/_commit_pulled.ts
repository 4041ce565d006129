/** Makes what was pulled an image of the store, byte for byte as the registry has it. */

import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor, Digest, ImageConfig } from "../spec/oci_image.ts";
import { messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { publishBlob, writeDurably } from "./_blobs.ts";
import { collect } from "./_collect.ts";
import { makeLayout, withReference } from "./_index.ts";
import type { SharedLayer, WantedLayer } from "./_layer_pulls.ts";
import { blobPath, layerPath, type Paths } from "./_paths.ts";
import { placeLayer } from "./_place_layer.ts";
import { diskFullError } from "./_refusals.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

export interface PulledImage {
  manifest: { mediaType: string; digest: Digest; bytes: Uint8Array };
  config: { digest: Digest; bytes: Uint8Array; parsed: ImageConfig };
  /** Bottom first; `arrived` is absent where the store had it when the pull began. */
  layers: readonly (WantedLayer & { arrived?: SharedLayer })[];
}

/** Gives false, with nothing changed, when a layer that was here has gone meanwhile: the pull is to be done again. */
export async function commitPulled(
  store: ImageStore,
  image: PulledImage,
  references: readonly string[],
): Promise<boolean> {
  return store.exclusive(async () => {
    const { paths } = store;
    try {
      await makeLayout(paths);
      if (!(await adoptAll(store, image.layers))) {
        await collect(store);
        return false;
      }
      await putVerbatim(paths, image.config);
      await putVerbatim(paths, image.manifest);
      await replaceIndex(store, await namedIndex(store, image, references));
      return true;
    } catch (error) {
      await collect(store).catch((second: unknown) => {
        throw new AggregateError([error, second], messageOf(error));
      });
      throw diskFullError(error, paths.images);
    }
  });
}

/** Whether the store has a layer, unpacked and as a blob. */
export async function hasLayer(paths: Paths, { chainId, descriptor }: WantedLayer): Promise<boolean> {
  const places = [join(layerPath(paths, chainId), "size"), blobPath(paths, descriptor.digest)];
  return Promise.all(places.map((place) => access(place))).then(
    () => true,
    () => false,
  );
}

/** Bottom first: a layer stands on the one below it. */
async function adoptAll(store: ImageStore, layers: PulledImage["layers"]): Promise<boolean> {
  let below: Digest | undefined;
  for (const layer of layers) {
    if (!(await hasLayer(store.paths, layer)) && !(await adopt(store, layer, below))) return false;
    below = layer.chainId;
  }
  return true;
}

async function adopt(
  store: ImageStore,
  { chainId, arrived }: PulledImage["layers"][number],
  below: Digest | undefined,
): Promise<boolean> {
  const { paths } = store;
  const { staged } = arrived ?? {};
  // Another pull that shared it may have taken it, and an image that it was for may have been removed since.
  const isHere = staged !== undefined && (await exists(staged.directory)) && (await exists(staged.blob.path));
  if (!isHere) return false;
  await publishBlob(paths, staged.blob);
  await placeLayer(store, staged, { chainId, below });
  return true;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Its digest has been verified; one that is here already is the same. */
async function putVerbatim(
  paths: Paths,
  { digest, bytes }: { digest: Digest; bytes: Uint8Array },
): Promise<void> {
  await writeDurably(paths, { path: blobPath(paths, digest), content: bytes });
}

async function namedIndex(
  store: ImageStore,
  { manifest, config }: PulledImage,
  references: readonly string[],
) {
  const { os, architecture, variant } = config.parsed;
  const descriptor: Descriptor = {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { architecture, os, ...(variant !== undefined && { variant }) },
  };
  const at = rfc3339(wallClock());
  const { index } = await currentCatalog(store);
  return references.reduce((sum, reference) => withReference(sum, descriptor, { reference, at }), index);
}

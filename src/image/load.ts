/** Brings in the images of an archive: `docker load`. */

import { shortId } from "../spec/digest.ts";
import type { ProgressMessage } from "../spec/docker_progress.ts";
import type { Digest, Platform } from "../spec/oci_image.ts";
import { hostPlatform } from "../spec/platform.ts";
import { familiarText } from "../spec/reference.ts";
import { collect } from "./_collect.ts";
import { imageEvent } from "./_events.ts";
import { planLoad } from "./_load_plan.ts";
import { noteParents } from "./_parents.ts";
import { type LayerProgress, readArchive } from "./_staged_archive.ts";
import { type Adopted, type ArrivedImage, adoptImage } from "./adopt.ts";
import type { ImageStore } from "./store.ts";

export interface LoadOptions {
  /** Only images for it; of one for several platforms, that one. */
  platform?: Platform;
  /** Say what was loaded, not how it goes. */
  quiet: boolean;
  tell: (message: ProgressMessage) => void;
}

/** Milliseconds between two lines about one layer. */
const INTERVAL = 100;

/**
 * Reads an archive of images to its end, in one pass: of Docker's and of OCI's form, plain or compressed.
 *
 * All images of it or, where one is wrong, those that stand before it. @throws {FathomError} invalid, naming what is wrong with the
 * archive; not-found, when nothing in it is for the platform; unavailable, when the disk is full.
 */
export async function loadImages(
  store: ImageStore,
  archive: AsyncIterable<Uint8Array>,
  { platform, quiet, tell }: LoadOptions,
): Promise<void> {
  try {
    await using read = await readArchive(store, archive, quiet ? () => undefined : layerLines(tell));
    const parents = new Map<Digest, string>();
    for (const image of planLoad(read.contents, { platform, host: hostPlatform() })) {
      const adopted = await adoptImage(store, image, read.staged);
      if (image.parent !== undefined) parents.set(adopted.id, image.parent);
      tellLoaded(image, adopted, tell);
      store.emit(imageEvent("load", { id: adopted.id, config: image.config }));
    }
    await noteParents(store, parents);
  } catch (error) {
    // A blob that was leased and lost its image meanwhile is needed by nobody any more.
    await store.exclusive(() => collect(store));
    throw error;
  }
}

function tellLoaded(
  { references }: ArrivedImage,
  { id, replaced }: Adopted,
  tell: LoadOptions["tell"],
): void {
  for (const reference of references) {
    const before = replaced.get(reference);
    if (before !== undefined)
      tell({
        stream: `The image ${familiarText(reference)} already exists, renaming the old one with ID ${before} to empty string\n`,
      });
    tell({ stream: `Loaded image: ${familiarText(reference)}\n` });
  }
  if (references.length === 0) tell({ stream: `Loaded image ID: ${id}\n` });
}

function layerLines(tell: LoadOptions["tell"]): LayerProgress {
  let last = 0;
  return ({ id, done, total }) => {
    const now = performance.now();
    if (done < total && now - last < INTERVAL) return;
    last = now;
    tell({ status: "Loading layer", progressDetail: { current: done, total }, id: shortId(id) });
  };
}

/** Makes an image of another's files with fewer layers: those from some layer up become one, in which nothing is that is not seen. */

import type { Squashed } from "../spec/image_layers.ts";
import { familiarText, parseReference } from "../spec/reference.ts";
import { pace } from "../std/pace.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { archiveWriter, type Pieces } from "./_archive_writer.ts";
import { type Catalog, type Image, referencesOf } from "./_catalog.ts";
import { emptyEntry, entryOf } from "./_entry.ts";
import { imageEvent } from "./_events.ts";
import { holdImage, layeredOf, topFirst } from "./_held_image.ts";
import type { LowerDirectory } from "./_lower.ts";
import { type MergedFile, mergedFiles } from "./_merge.ts";
import { cutPath } from "./_names.ts";
import { ownersBy } from "./_owners.ts";
import { type Known, keptLayers, squashedConfig } from "./_squashed.ts";
import { type StagedLayer, stageLayer } from "./_stage.ts";
import { OPAQUE, PREFIX } from "./_whiteout.ts";
import { commitImage } from "./commit.ts";
import { commitReference, EMPTY_LAYER } from "./snapshot_files.ts";
import type { ImageStore } from "./store.ts";

export interface SquashOptions {
  /** What stays as it is: up to this layer, this line of the history, or this image; nothing unless told. */
  from?: string | undefined;
  /** `name[:tag]`; none leaves it without a name. */
  reference?: string | undefined;
}

/**
 * The layers are read where they are unpacked, and become the new one in a single pass.
 * @throws {FathomError} not-found, invalid; unavailable, when the disk is full: nothing is left then
 */
export async function squashImage(
  store: ImageStore,
  name: string,
  options: SquashOptions,
): Promise<Squashed> {
  const reference = commitReference(options.reference);
  using held = await holdImage(store, name);
  const { image, catalog, roots } = held;
  const kept = keptLayers(layeredOf(image), options.from, knownIn(catalog, image));
  const merged = packMerged(topFirst(roots.slice(kept)), topFirst(roots.slice(0, kept)));
  await using layer = await stageLayer(store.paths, merged, { flush: false });
  const isNeeded = layer.diffId !== EMPTY_LAYER || kept === 0;
  const layers: StagedLayer[] = isNeeded ? [layer] : [];
  const config = squashedConfig(image.config, {
    id: image.id,
    kept,
    diffId: layers[0]?.diffId,
    at: rfc3339(wallClock()),
  });
  const id = await commitImage(store, { config, layers, base: image.id, keep: kept }, reference);
  if (reference !== undefined) store.emit(imageEvent("tag", { id, config }, familiarText(reference)));
  const below = image.layerSizes.slice(0, kept).reduce((sum, size) => sum + size, 0);
  return {
    Id: id,
    Layers: { Before: image.chain.length, After: kept + layers.length },
    Size: { Before: image.size, After: below + (isNeeded ? layer.size : 0) },
  };
}

function knownIn(catalog: Catalog, image: Image): Known[] {
  return [...catalog.byId.values()]
    .filter(({ id }) => id !== image.id)
    .map(({ id, config }) => {
      const references = referencesOf(catalog, id);
      const familiar = references.map((reference) => familiarText(parseReference(reference)));
      const bare = familiar.flatMap((text) => (text.endsWith(":latest") ? [text.slice(0, -7)] : []));
      return { id, references: [...references, ...familiar, ...bare], diffIds: config.rootfs.diff_ids };
    });
}

/** @param merged topmost first, as `kept` is */
async function* packMerged(merged: LowerDirectory, kept: LowerDirectory): AsyncGenerator<Uint8Array, void> {
  const archive = archiveWriter();
  const clock = pace();
  for (const one of mergedFiles(merged, kept)) {
    for (const pieces of packOne(archive, one)) yield* pieces;
    if (clock.isDue()) await clock.pause();
  }
  yield* archive.end();
}

const ON_DISK = ownersBy(undefined);

function packOne(
  archive: ReturnType<typeof archiveWriter>,
  { path, file, opaque }: MergedFile,
): Iterable<Pieces> {
  if (file === undefined) {
    const { parent, name } = cutPath(path);
    const whiteout = parent === "" ? PREFIX + name : `${parent}/${PREFIX}${name}`;
    return some(archive.addEmpty(emptyEntry(whiteout)));
  }
  const entry = entryOf({ at: file.at, path, facts: file.facts }, ON_DISK);
  if (entry === undefined) return [];
  return [
    ...some(archive.add(entry, file.at, file.facts)),
    ...(opaque ? some(archive.addEmpty(emptyEntry(`${path}/${OPAQUE}`))) : []),
  ];
}

function some(pieces: Pieces | undefined): Pieces[] {
  return pieces === undefined ? [] : [pieces];
}

/**
 * `docker image prune`: removes images that no container was made from.
 *
 * Which, is Docker's: those without a tag; with `dangling=false` all. An image without a name that another was made from
 * stays as long as that one does.
 */

import type { ImageDeleteResponse } from "../spec/docker.ts";
import type { ImagePruneResponse } from "../spec/docker_usage.ts";
import type { Digest } from "../spec/oci_image.ts";
import { familiarText, parseReference } from "../spec/reference.ts";
import { type Catalog, type Image, referencesOf } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { imageEvent } from "./_events.ts";
import { pruneTest } from "./_filters.ts";
import { withoutManifests, withoutReferences } from "./_index.ts";
import { noteTrashed } from "./_trash_notes.ts";
import { layersInUse } from "./snapshots.ts";
import { currentCatalog, type ImageEvent, type ImageStore, replaceIndex } from "./store.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** An image that goes, with the names that go with it. */
interface Doomed {
  image: Image;
  references: string[];
}

/** What a prune would take. */
export interface ImageCandidate {
  id: Digest;
  /** As people write them. */
  names: string[];
  /** Of the layers that nothing else stands on. */
  bytes: number;
}

/** What a prune would take, if `without` were not among the containers. @throws {FathomError} invalid, for a filter. */
export async function imageCandidates(
  store: ImageStore,
  filters: Filters,
  without: ReadonlySet<string>,
): Promise<ImageCandidate[]> {
  return store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const doomed = doomedBy(store, catalog, { filters, without });
    const layers = await layersOf(store, catalog, { doomed, without });
    return doomed.map(({ image, references }) => ({
      id: image.id,
      names: references.map((reference) => familiarText(parseReference(reference))),
      bytes: bytesOf(image, layers),
    }));
  });
}

/** They wait in the trash until that is emptied. @throws {FathomError} invalid, for a filter. */
export async function pruneImages(store: ImageStore, filters: Filters): Promise<ImagePruneResponse> {
  return pruned(store, (catalog) => doomedBy(store, catalog, { filters, without: new Set() }));
}

/** Prunes an image, if no container was made from it and it has these names and no others; false where it stays. */
export async function pruneImage(
  store: ImageStore,
  { id, names }: Pick<ImageCandidate, "id" | "names">,
): Promise<boolean> {
  const { ImagesDeleted } = await pruned(store, (catalog) => {
    const image = catalog.byId.get(id);
    if (image === undefined || store.usersOf(id).length > 0) return [];
    const references = referencesOf(catalog, id);
    const now = references.map((reference) => familiarText(parseReference(reference)));
    return now.sort().join() === [...names].sort().join() ? [{ image, references }] : [];
  });
  return ImagesDeleted !== null;
}

async function pruned(
  store: ImageStore,
  choose: (catalog: Catalog) => Doomed[],
): Promise<ImagePruneResponse> {
  const { doomed, layers } = await store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const doomed = choose(catalog);
    const layers = await layersOf(store, catalog, { doomed, without: new Set() });
    await remove(store, catalog, { doomed, layers });
    return { doomed, layers };
  });
  for (const event of doomed.flatMap(eventsOf)) store.emit(event);
  const deleted = doomed.flatMap((one) => answerFor(one, layers));
  return {
    ImagesDeleted: deleted.length > 0 ? deleted : null,
    SpaceReclaimed: [...layers.values()].reduce((sum, { size }) => sum + size, 0),
  };
}

function doomedBy(
  store: ImageStore,
  catalog: Catalog,
  { filters, without }: { filters: Filters; without: ReadonlySet<string> },
): Doomed[] {
  const { all, passes } = pruneTest(filters);
  const unused = [...catalog.byId.values()]
    .map((image) => ({ image, references: referencesOf(catalog, image.id) }))
    .filter(({ references }) => all || !references.some(isTag))
    .filter(({ image }) => store.usersOf(image.id).every(({ id }) => without.has(id)) && passes(image));
  return withoutParents(catalog, unused);
}

const isTag = (reference: string): boolean => !reference.includes("@");

/** Leaves out images without a name whose children stay, and their parents, until all that are left may go. */
function withoutParents(catalog: Catalog, unused: readonly Doomed[]): Doomed[] {
  const going = new Set(unused.map(({ image }) => image.id));
  const staying = [...catalog.byId.values()].filter(({ id }) => !going.has(id));
  const parents = new Set(staying.map(({ config }) => config.parent));
  const left = unused.filter(({ image, references }) => references.length > 0 || !parents.has(image.id));
  return left.length === unused.length ? left : withoutParents(catalog, left);
}

/** A layer that goes, and the image that had it on top of the others that go. */
type Layers = Map<Digest, { size: number; image: Digest }>;

/** The layers that nothing stands on when images and containers have gone. */
async function layersOf(
  store: ImageStore,
  catalog: Catalog,
  { doomed, without }: { doomed: readonly Doomed[]; without: ReadonlySet<string> },
): Promise<Layers> {
  if (doomed.length === 0) return new Map();
  const going = new Set(doomed.map(({ image }) => image.id));
  const needed = await layersInUse(store, without);
  for (const { id, chain } of catalog.images.values())
    if (!going.has(id)) for (const chainId of chain) needed.add(chainId);
  const layers: Layers = new Map();
  for (const { image } of doomed) {
    for (const [at, chainId] of image.chain.entries())
      if (!needed.has(chainId)) layers.set(chainId, { size: image.layerSizes[at] ?? 0, image: image.id });
  }
  return layers;
}

function bytesOf({ id }: Image, layers: Layers): number {
  return [...layers.values()].reduce((sum, { size, image }) => sum + (image === id ? size : 0), 0);
}

async function remove(
  store: ImageStore,
  catalog: Catalog,
  { doomed, layers }: { doomed: readonly Doomed[]; layers: Layers },
): Promise<void> {
  if (doomed.length === 0) return;
  for (const { image } of doomed)
    await noteTrashed(store, catalog, {
      image: image.id,
      bytes: bytesOf(image, layers),
      reason: "image prune",
    });
  const ids = new Set(doomed.map(({ image }) => image.id));
  const manifests = [...catalog.images.values()].filter(({ id }) => ids.has(id));
  const untagged = withoutReferences(
    catalog.index,
    doomed.flatMap(({ references }) => references),
  );
  await replaceIndex(
    store,
    withoutManifests(untagged, new Set(manifests.map(({ descriptor }) => descriptor.digest))),
  );
  await collect(store);
}

function answerFor({ image, references }: Doomed, layers: Layers): ImageDeleteResponse[] {
  const own = image.chain.filter((chainId) => layers.get(chainId)?.image === image.id);
  return [
    ...references.map((reference) => ({ Untagged: familiarText(parseReference(reference)) })),
    { Deleted: image.id },
    ...own.reverse().map((chainId) => ({ Deleted: chainId })),
  ];
}

function eventsOf({ image, references }: Doomed): ImageEvent[] {
  return [...references.map(() => imageEvent("untag", image)), imageEvent("delete", image)];
}

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
import { pruneTest } from "./_filters.ts";
import { withoutManifests, withoutReferences } from "./_index.ts";
import { currentCatalog, type ImageEvent, type ImageStore, replaceIndex } from "./store.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

/** An image that goes, with the names that go with it. */
interface Doomed {
  image: Image;
  references: string[];
}

/** @throws {FathomError} invalid, for a filter. */
export async function pruneImages(store: ImageStore, filters: Filters): Promise<ImagePruneResponse> {
  const { all, passes } = pruneTest(filters);
  const { doomed, layers } = await store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const unused = [...catalog.byId.values()]
      .map((image) => ({ image, references: referencesOf(catalog, image.id) }))
      .filter(({ references }) => all || !references.some(isTag))
      .filter(({ image }) => store.usersOf(image.id).length === 0 && passes(image));
    const doomed = withoutParents(catalog, unused);
    return { doomed, layers: await remove(store, catalog, doomed) };
  });
  for (const event of doomed.flatMap(eventsOf)) store.emit(event);
  const deleted = doomed.flatMap((one) => answerFor(one, layers));
  return {
    ImagesDeleted: deleted.length > 0 ? deleted : null,
    SpaceReclaimed: [...layers.values()].reduce((sum, { size }) => sum + size, 0),
  };
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

/** A layer that went, and the image that had it on top of the others that went. */
type Layers = Map<Digest, { size: number; image: Digest }>;

async function remove(store: ImageStore, catalog: Catalog, doomed: readonly Doomed[]): Promise<Layers> {
  if (doomed.length === 0) return new Map();
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
  const removed = new Set(await collect(store));
  const layers: Layers = new Map();
  for (const { image } of doomed) {
    for (const [at, chainId] of image.chain.entries())
      if (removed.has(chainId)) layers.set(chainId, { size: image.layerSizes[at] ?? 0, image: image.id });
  }
  return layers;
}

function answerFor({ image, references }: Doomed, layers: Layers): ImageDeleteResponse[] {
  const own = image.chain.filter((chainId) => layers.get(chainId)?.image === image.id);
  return [
    ...references.map((reference) => ({ Untagged: familiarText(parseReference(reference)) })),
    { Deleted: image.id },
    ...own.reverse().map((chainId) => ({ Deleted: chainId })),
  ];
}

function eventsOf({ image: { id }, references }: Doomed): ImageEvent[] {
  return [
    ...references.map((): ImageEvent => ({ action: "untag", id, name: id })),
    { action: "delete", id, name: id },
  ];
}

/**
 * The images, in memory: read from disk once, at first use, and from then on changed together with it.
 *
 * A catalog is a value. Whoever changes the store makes the next one from it, writes the index, and only then lets others see
 * it (store.ts).
 */

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { chainIds } from "../spec/digest.ts";
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  MEDIA_TYPE,
} from "../spec/oci_image.ts";
import { codeOf, isAbsent } from "../std/absent.ts";
import { readBlob } from "./_blobs.ts";
import { bare, parentNoted, readIndex, referenceOf, taggedAt } from "./_index.ts";
import { blobPath, layerPath, type Paths } from "./_paths.ts";

/** A manifest with what it names, parsed. Never changed. */
export interface Image {
  /** Digest of the configuration. */
  id: Digest;
  descriptor: Descriptor;
  manifest: ImageManifest;
  config: ImageConfig;
  /** Its layers' chain IDs, bottom first. */
  chain: readonly Digest[];
  /** Bytes of each of them, unpacked. */
  layerSizes: readonly number[];
  /** Bytes of all together. */
  size: number;
}

export interface Catalog {
  index: ImageIndex;
  /** By the manifest's digest. */
  images: ReadonlyMap<Digest, Image>;
  /** By whole reference. */
  byReference: ReadonlyMap<string, Image>;
  /** By ID. Two manifests may have the same configuration; either will do. */
  byId: ReadonlyMap<Digest, Image>;
  /** The whole references of each image, in the order they were given, by ID. */
  references: ReadonlyMap<Digest, readonly string[]>;
  /** The images that each was made into, by ID. */
  children: ReadonlyMap<Digest, readonly Image[]>;
}

/** @throws {FathomError} internal, when the index is damaged. An image that is damaged is left out, its files untouched. */
export async function loadCatalog(paths: Paths): Promise<Catalog> {
  return catalogOf(await readIndex(paths), { paths, known: new Map() });
}

/** The catalog of an index; images in `known` are not read again. */
export async function catalogOf(
  index: ImageIndex,
  { paths, known }: { paths: Paths; known: ReadonlyMap<Digest, Image> },
): Promise<Catalog> {
  const digests = new Map(index.manifests.map((descriptor) => [descriptor.digest, descriptor]));
  const loaded = await Promise.all(
    [...digests].map(async ([digest, descriptor]) => {
      const image = known.get(digest) ?? (await loadImage(paths, descriptor));
      return image && withParent(image, descriptor);
    }),
  );
  const images = new Map(
    loaded.filter((image) => image !== undefined).map((image) => [image.descriptor.digest, image]),
  );
  const byReference = new Map<string, Image>();
  const byId = new Map([...images.values()].map((image) => [image.id, image]));
  for (const descriptor of index.manifests) {
    const image = images.get(descriptor.digest);
    const reference = referenceOf(descriptor);
    if (image !== undefined && reference !== undefined) byReference.set(reference, image);
  }
  return {
    index,
    images,
    byReference,
    byId,
    references: grouped([...byReference].map(([reference, { id }]) => [id, reference])),
    children: grouped(
      [...byId.values()].flatMap((image): [Digest, Image][] =>
        image.config.parent === undefined ? [] : [[image.config.parent, image]],
      ),
    ),
  };
}

function grouped<T>(pairs: readonly (readonly [Digest, T])[]): Map<Digest, T[]> {
  const groups = new Map<Digest, T[]>();
  for (const [key, value] of pairs) {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/** The whole references of an image, in the order they were given. */
export function referencesOf(catalog: Catalog, id: Digest): string[] {
  return [...(catalog.references.get(id) ?? [])];
}

/** When an image last got a name, RFC 3339; undefined for one without. */
export function lastTagged({ index, images }: Catalog, id: Digest): string | undefined {
  const times = index.manifests
    .filter(({ digest }) => images.get(digest)?.id === id)
    .map((descriptor) => taggedAt(descriptor) ?? "");
  return times.sort().at(-1) || undefined;
}

/** The images that were made from one. */
export function childrenOf(catalog: Catalog, id: Digest): readonly Image[] {
  return catalog.children.get(id) ?? [];
}

/** What the layers of all images hold, by the digest of the blob that each is stored as. */
export function diffIdsKnown({ images }: Catalog): Map<Digest, Digest> {
  const known = new Map<Digest, Digest>();
  for (const { manifest, config } of images.values())
    for (const [at, { digest }] of manifest.layers.entries()) {
      const diffId = config.rootfs.diff_ids[at];
      if (diffId !== undefined) known.set(digest, diffId);
    }
  return known;
}

/** Undefined for what is no image, or one whose files are damaged. */
async function loadImage(paths: Paths, descriptor: Descriptor): Promise<Image | undefined> {
  if (descriptor.mediaType !== MEDIA_TYPE.manifest && descriptor.mediaType !== DOCKER_MANIFEST)
    return undefined;
  try {
    const manifest = JSON.parse(await readBlob(paths, descriptor.digest)) as ImageManifest;
    const config = JSON.parse(await readBlob(paths, manifest.config.digest)) as ImageConfig;
    if (!(await areWhole(paths, manifest.layers))) return undefined;
    const chain = chainIds(config.rootfs.diff_ids);
    const layerSizes = await Promise.all(chain.map((chainId) => layerSize(paths, chainId)));
    const size = layerSizes.reduce((sum, one) => sum + one, 0);
    return {
      id: manifest.config.digest,
      descriptor: bare(descriptor),
      manifest,
      config,
      chain,
      layerSizes,
      size,
    };
  } catch (error) {
    // A system call that failed says nothing about the image.
    if (codeOf(error) !== undefined && !isAbsent(error)) throw error;
    return undefined;
  }
}

/** The image with the parent that its descriptor notes. */
function withParent(image: Image, descriptor: Descriptor): Image {
  const parent = parentNoted(descriptor);
  if (parent === undefined || image.config.parent === parent) return image;
  return { ...image, config: { ...image.config, parent }, descriptor: bare(descriptor) };
}

/** A power failure may have cut off a blob that had not been flushed yet. */
async function areWhole(paths: Paths, layers: readonly Descriptor[]): Promise<boolean> {
  const sizes = await Promise.all(
    layers.map(async ({ digest }) => (await stat(blobPath(paths, digest))).size),
  );
  return layers.every(({ size }, at) => sizes[at] === size);
}

const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** Bytes of a layer's files, as they were counted when it was unpacked; 0 for one that is not there. */
export async function layerSize(paths: Paths, chainId: Digest): Promise<number> {
  try {
    return Number(await readFile(join(layerPath(paths, chainId), "size"), "utf8"));
  } catch (error) {
    if (isAbsent(error)) return 0;
    throw error;
  }
}

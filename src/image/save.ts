/**
 * Writes images as an archive: `docker save`. An OCI image layout, with Docker's manifest.json and repositories beside, as Docker
 * writes since version 25, so that either reader finds what it knows.
 *
 * What is in it follows from the images alone: the same images under the same names give the same bytes.
 */

import { access } from "node:fs/promises";
import { hexOf } from "../spec/digest.ts";
import {
  type Descriptor,
  type Digest,
  type ImageIndex,
  MEDIA_TYPE,
  type Platform,
} from "../spec/oci_image.ts";
import { platformText } from "../spec/platform.ts";
import { familiarName, familiarText, parseReference, repositoryOf } from "../spec/reference.ts";
import { FathomError, kindOf } from "../std/errors.ts";
import type { TarEntry } from "../std/tar/entry.ts";
import { entryHeader, NO_FILE, tarEnd, tarPadding } from "../std/tar/writer.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { imageEvent } from "./_events.ts";
import { lease } from "./_leases.ts";
import { blobPath } from "./_paths.ts";
import { suits } from "./_platform.ts";
import { type Resolved, resolveImage } from "./_resolve.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

/** An image with the tags that were asked for, as whole references. */
interface Saved {
  image: Image;
  tags: string[];
}

export interface SaveOptions {
  /** Each image has to be for it. */
  platform?: Platform;
}

/** An archive that has been promised: disposing of it, read or not, lets go of what is in it. */
export interface SavedImages extends Disposable {
  archive: AsyncIterable<Uint8Array>;
}

/**
 * Finds the images and holds what they are made of, so that removing one meanwhile does not cut the archive short.
 * @param names references, IDs or the beginnings of some; a repository without a tag stands for all its tags
 * @throws {FathomError} not-found, invalid: before the first byte.
 */
export async function saveImages(
  store: ImageStore,
  names: readonly string[],
  { platform }: SaveOptions = {},
): Promise<SavedImages> {
  using stack = new DisposableStack();
  const saved = await store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const found = selected(catalog, names);
    for (const { image } of found) {
      if (platform !== undefined && !suits(image.config, platform)) throw otherPlatform(image, platform);
      for (const { digest } of blobsOf(image)) stack.use(lease(store.leases, digest));
    }
    return found;
  });
  for (const { image } of saved) {
    await Promise.all(blobsOf(image).map(({ digest }) => access(blobPath(store.paths, digest))));
    store.emit(imageEvent("save", image));
  }
  const held = stack.move();
  return { archive: archiveOf(store, saved), [Symbol.dispose]: () => held.dispose() };
}

function otherPlatform({ id, config }: Image, platform: Platform): FathomError {
  const wanted = platformText(platform);
  return new FathomError(
    "not-found",
    `image with reference ${id} was found but does not provide the specified platform (${wanted}): it is for ${platformText(config)}`,
  );
}

/** Each image once, in the order in which it was first named. */
function selected(catalog: Catalog, names: readonly string[]): Saved[] {
  const saved = new Map<Digest, Saved>();
  const add = (image: Image, tags: readonly string[]): void => {
    const own = saved.get(image.id) ?? { image, tags: [] };
    own.tags.push(...tags.filter((tag) => !own.tags.includes(tag)));
    saved.set(image.id, own);
  };
  for (const name of names) {
    const tags = tagsOfRepository(catalog, name);
    for (const [tag, image] of tags) add(image, [tag]);
    if (tags.length > 0) continue;
    const { image, reference } = found(catalog, name);
    add(image, reference === undefined || reference.includes("@") ? [] : [reference]);
  }
  return [...saved.values()];
}

/** Docker names what is not there as it was asked for, here and nowhere else. */
function found(catalog: Catalog, name: string): Resolved {
  try {
    return resolveImage(catalog, name);
  } catch (cause) {
    if (kindOf(cause) !== "not-found") throw cause;
    throw new FathomError("not-found", `No such image: ${name}`, { cause });
  }
}

/** None for what names one image: a tag, a digest, an ID. */
function tagsOfRepository(catalog: Catalog, name: string): [tag: string, image: Image][] {
  if (name.startsWith("sha256:") || /^[0-9a-f]{64}$/.test(name)) return [];
  const wanted = parseReference(name);
  if (wanted.tag !== undefined || wanted.digest !== undefined) return [];
  const repository = repositoryOf(wanted);
  return [...catalog.byReference].filter(
    ([reference]) => !reference.includes("@") && repositoryOf(parseReference(reference)) === repository,
  );
}

function blobsOf({ descriptor, manifest }: Image): Descriptor[] {
  return [descriptor, manifest.config, ...manifest.layers];
}

async function* archiveOf(store: ImageStore, saved: readonly Saved[]): AsyncGenerator<Uint8Array, void> {
  const blobs = new Map(saved.flatMap(({ image }) => blobsOf(image)).map((blob) => [blob.digest, blob]));
  yield directory("blobs/");
  yield directory("blobs/sha256/");
  for (const digest of [...blobs.keys()].sort()) {
    const size = blobs.get(digest)?.size ?? 0;
    yield file(`blobs/sha256/${hexOf(digest)}`, size);
    yield* contentOf(blobPath(store.paths, digest), size);
    yield tarPadding(size);
  }
  yield* document("index.json", indexOf(saved));
  yield* document("manifest.json", manifestsOf(saved));
  yield* document("oci-layout", { imageLayoutVersion: "1.0.0" });
  const repositories = repositoriesOf(saved);
  if (Object.keys(repositories).length > 0) yield* document("repositories", repositories);
  yield tarEnd();
}

/** @throws {FathomError} internal, when the blob is not of the size that its descriptor says */
async function* contentOf(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const piece of Bun.file(path).stream()) {
    length += piece.length;
    yield piece;
  }
  if (length !== size)
    throw new FathomError("internal", `blob ${path} is damaged: it has ${length} bytes instead of ${size}`);
}

const encoder = new TextEncoder();

function directory(path: string): Uint8Array {
  return entryHeader({ ...NO_FILE, type: "directory", path: encoder.encode(path), mode: 0o755 });
}

function file(path: string, size: number): Uint8Array {
  const entry: TarEntry = { ...NO_FILE, path: encoder.encode(path), size, mode: 0o644 };
  return entryHeader(entry);
}

function* document(name: string, value: unknown): Generator<Uint8Array, void> {
  const content = encoder.encode(JSON.stringify(value));
  yield file(name, content.length);
  yield content;
  yield tarPadding(content.length);
}

function indexOf(saved: readonly Saved[]): ImageIndex {
  const manifests = saved.flatMap(({ image: { descriptor }, tags }) =>
    tags.length === 0
      ? [descriptor]
      : tags.map((tag) => ({ ...descriptor, annotations: annotationsOf(tag) })),
  );
  return { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests };
}

function annotationsOf(reference: string): Record<string, string> {
  return {
    "io.containerd.image.name": reference,
    "org.opencontainers.image.ref.name": parseReference(reference).tag ?? "",
  };
}

function manifestsOf(saved: readonly Saved[]): object[] {
  return saved.map(({ image: { manifest, config }, tags }) => ({
    Config: `blobs/sha256/${hexOf(manifest.config.digest)}`,
    RepoTags: tags.length === 0 ? null : tags.map((tag) => familiarText(parseReference(tag))),
    Layers: manifest.layers.map(({ digest }) => `blobs/sha256/${hexOf(digest)}`),
    LayerSources: Object.fromEntries(
      manifest.layers.map(({ mediaType, size, digest }, at) => [
        config.rootfs.diff_ids[at] ?? digest,
        { mediaType, size, digest },
      ]),
    ),
  }));
}

/** The topmost layer of each tag, for readers of before 2016. */
function repositoriesOf(saved: readonly Saved[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, tags } of saved) {
    const top = image.manifest.layers.at(-1)?.digest ?? image.id;
    for (const reference of tags.map(parseReference)) {
      const name = familiarName(reference);
      repositories[name] = { ...repositories[name], [reference.tag ?? ""]: hexOf(top) };
    }
  }
  return repositories;
}

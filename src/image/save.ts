/** Writes images as an archive: `docker save`. The same images under the same names give the same bytes. */

import { access } from "node:fs/promises";
import type { Digest, Platform } from "../spec/oci_image.ts";
import { platformText } from "../spec/platform.ts";
import { parseReference, repositoryOf } from "../spec/reference.ts";
import { FathomError, kindOf } from "../std/errors.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { imageEvent } from "./_events.ts";
import { blobsOf, layoutArchive, type Saved } from "./_layout_archive.ts";
import { lease } from "./_leases.ts";
import { blobPath } from "./_paths.ts";
import { suits } from "./_platform.ts";
import { type Resolved, resolveImage } from "./_resolve.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

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
  const archive = layoutArchive(saved, ({ digest, size }) => contentOf(blobPath(store.paths, digest), size));
  return { archive, [Symbol.dispose]: () => held.dispose() };
}

function otherPlatform({ id, config }: Image, platform: Platform): FathomError {
  const wanted = platformText(platform);
  return new FathomError(
    "not-found",
    `image with reference ${id} was found but does not provide the specified platform (${wanted}): it is for ${platformText(config)}`,
  );
}

/** Each image once, in the order in which it was first named. */
function selected(catalog: Catalog, names: readonly string[]): Saved<Image>[] {
  const saved = new Map<Digest, Saved<Image>>();
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

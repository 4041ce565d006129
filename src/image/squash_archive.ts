/**
 * Squashes the image of an archive: a filter from what `docker save` writes to what `docker load` reads, without an engine and without root.
 *
 * Which layers there are and in which order is said by documents that may stand at the archive's end, so what comes waits in a temporary
 * file; memory holds names, not content. Nothing goes out before all that came has been found right.
 */

import { digestOf, digestOfHex } from "../spec/digest.ts";
import { type Descriptor, type Digest, type ImageManifest, MEDIA_TYPE } from "../spec/oci_image.ts";
import { hostPlatform } from "../spec/platform.ts";
import { canonicalText, familiarText, type Reference } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { readContents, type TakeLayer } from "./_archive_contents.ts";
import { decompressed, detect } from "./_decompress.ts";
import { layoutArchive } from "./_layout_archive.ts";
import { planLoad } from "./_load_plan.ts";
import { mergeArchives, type ReadableLayer } from "./_merge_archives.ts";
import { refused } from "./_refusals.ts";
import { openSpool, type Spool } from "./_spool.ts";
import { type Known, keptLayers, squashedConfig } from "./_squashed.ts";
import type { ArrivedImage, ArrivedLayer } from "./adopt.ts";
import { commitReference, EMPTY_LAYER } from "./snapshot_files.ts";
import type { SquashOptions } from "./squash.ts";

/** Where content lies in the spool. */
interface Stored {
  from: number;
  size: number;
}

interface Spooled {
  spool: Spool;
  /** By the digest of what is stored. */
  blobs: Map<Digest, Stored>;
}

/** @throws {FathomError} invalid, not-found, unavailable: before the first byte */
export async function* squashArchive(
  archive: AsyncIterable<Uint8Array>,
  { from, reference }: SquashOptions,
): AsyncGenerator<Uint8Array, void> {
  const name = commitReference(reference);
  await using spool = await openSpool();
  const spooled: Spooled = { spool, blobs: new Map() };
  const contents = await readContents(archive, (layer) => keep(spooled, layer));
  const arrived = planLoad(contents, { platform: undefined, host: hostPlatform() });
  const image = topmost(arrived);
  const kept = keptLayers({ config: image.config, names: namesOf(image) }, from, knownIn(arrived, image));
  const layers = image.layers.map((layer, at) => readable(spooled, layer, image.config.rootfs.diff_ids[at]));
  const merging = mergeArchives(layers.slice(kept), layers.slice(0, kept), await spool.room());
  const merged = await store(spooled, merging);
  const isNeeded = merged.digest !== EMPTY_LAYER || kept === 0;
  const content = JSON.stringify(
    squashedConfig(image.config, {
      id: digestOf(image.content),
      kept,
      diffId: isNeeded ? merged.digest : undefined,
      at: rfc3339(wallClock()),
    }),
  );
  const documents = documentsOf(content, [...image.layers.slice(0, kept), ...(isNeeded ? [merged] : [])]);
  const tags = name === undefined ? [] : [canonicalText(name)];
  yield* layoutArchive(
    [{ image: documents.image, tags }],
    (blob) => documents.read(blob) ?? read(spooled, blob),
  );
}

/** A layer as it comes, or decompressed where no reader of layers would know its compression. */
async function keep(
  spooled: Spooled,
  { entry, content, named }: Parameters<TakeLayer>[0],
): Promise<ArrivedLayer> {
  const { compression, source } = await detect(content);
  const isKnown = compression === "none" || compression === "gzip" || compression === "zstd";
  const stored = await store(spooled, isKnown ? source : decompressed(source, compression));
  if (isKnown && named !== undefined && named !== stored.digest)
    throw refused(entry, `does not have the content that its name says: it has ${stored.digest}`);
  const mediaType = { none: MEDIA_TYPE.layer, gzip: MEDIA_TYPE.layerGzip, zstd: MEDIA_TYPE.layerZstd };
  return {
    ...stored,
    mediaType: compression === "gzip" || compression === "zstd" ? mediaType[compression] : mediaType.none,
  };
}

async function store({ spool, blobs }: Spooled, bytes: AsyncIterable<Uint8Array>): Promise<ArrivedLayer> {
  const hasher = new Bun.CryptoHasher("sha256");
  const from = spool.size;
  for await (const piece of bytes) {
    hasher.update(piece);
    await spool.write(piece);
  }
  const digest = digestOfHex(hasher.digest("hex"));
  const size = spool.size - from;
  blobs.set(digest, { from, size });
  return { digest, size, mediaType: MEDIA_TYPE.layer };
}

/** The image that is not below another one; what is below is known by its names, and goes no further. */
function topmost(images: readonly ArrivedImage[]): ArrivedImage {
  const [top, ...others] = images.filter(
    (one) => !images.some((other) => other !== one && isBelow(one, other)),
  );
  if (top === undefined) throw new FathomError("invalid", "the archive holds no image to squash");
  if (others.length === 0) return top;
  throw new FathomError(
    "invalid",
    `the archive holds ${others.length + 1} images, of which one can be squashed: save that one alone`,
  );
}

function isBelow(one: ArrivedImage, other: ArrivedImage): boolean {
  const [below, all] = [one.config.rootfs.diff_ids, other.config.rootfs.diff_ids];
  return below.length < all.length && below.every((id, at) => id === all[at]);
}

function knownIn(images: readonly ArrivedImage[], image: ArrivedImage): Known[] {
  return images
    .filter((one) => one !== image)
    .map(({ content, config, references }) => ({
      id: digestOf(content),
      references: references.flatMap(spellings),
      diffIds: config.rootfs.diff_ids,
    }));
}

function spellings(reference: Reference): string[] {
  const familiar = familiarText(reference);
  return [canonicalText(reference), familiar, familiar.replace(/:latest$/, "")];
}

function namesOf({ config, layers }: ArrivedImage): string[][] {
  return layers.map(({ digest }, at) => [config.rootfs.diff_ids[at] ?? "", digest]);
}

function readable(spooled: Spooled, layer: ArrivedLayer, diffId: Digest | undefined): ReadableLayer {
  if (diffId === undefined) throw new FathomError("invalid", `layer ${layer.digest} has no diff ID`);
  return {
    diffId,
    async *open() {
      const { compression, source } = await detect(read(spooled, layer));
      yield* decompressed(source, compression);
    },
  };
}

function read({ spool, blobs }: Spooled, { digest }: { digest: Digest }): AsyncIterable<Uint8Array> {
  const stored = blobs.get(digest);
  if (stored === undefined) throw new FathomError("invalid", `the archive does not hold layer ${digest}`);
  return spool.read(stored.from, stored.size);
}

/** The documents of the new image, and how they are read. */
function documentsOf(content: string, layers: readonly ArrivedLayer[]) {
  const config = JSON.parse(content);
  const described = describe(MEDIA_TYPE.config, content);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: described,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  };
  const text = JSON.stringify(manifest);
  const { os, architecture, variant } = config;
  const platform = { architecture, os, ...(variant !== undefined && { variant }) };
  const descriptor = { ...describe(MEDIA_TYPE.manifest, text), platform };
  const contents = new Map([
    [described.digest, content],
    [descriptor.digest, text],
  ]);
  return {
    image: { id: described.digest, descriptor, manifest, config },
    read: ({ digest }: Descriptor) => {
      const found = contents.get(digest);
      return found === undefined ? undefined : once(Buffer.from(found));
    },
  };
}

function describe(mediaType: string, content: string): Descriptor {
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

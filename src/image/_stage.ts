/**
 * Reads a layer as it arrives: hashed, stored as a blob and unpacked in one pass, nothing of it visible yet.
 *
 * A staged layer is files under `ingest` directories. Its owner hands it to `commitImage`, which makes it part of the store,
 * or disposes of it, which removes every trace.
 */

import { closeSync, openSync } from "node:fs";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesBelow, spreadBelow } from "../kernel/mod.ts";
import { digestOfHex } from "../spec/digest.ts";
import { type Digest, MEDIA_TYPE } from "../spec/oci_image.ts";
import { pace } from "../std/pace.ts";
import { tarReader } from "../std/tar/reader.ts";
import { type BlobWriter, beginBlob, type Expected, type PartialBlob, type PendingBlob } from "./_blobs.ts";
import { type Compression, decompressed, detect } from "./_decompress.ts";
import { type Paths, uniqueName } from "./_paths.ts";
import { type Unpacker, unpacker } from "./_unpack.ts";
import { layerTarget } from "./_unpack_target.ts";

export interface StagedLayer extends AsyncDisposable {
  /** Digest of the uncompressed archive. */
  diffId: Digest;
  blob: PendingBlob;
  mediaType: string;
  /** Directory with `diff` and `size`, to become the layer's own. */
  directory: string;
  /** Bytes of the unpacked files. */
  size: number;
}

export interface StageOptions {
  /** Which bytes become the blob: those that came, or (default) the uncompressed archive. */
  keep?: "stored" | "plain";
  /** What the bytes that come must be; with `keep: "stored"` only. */
  expected?: Expected;
  /** Where they are kept when they do not come to their end, and what is there already; the source begins with that. */
  partial?: PartialBlob;
  /** Whether the blob is on disk before it is given; default true. */
  flush?: boolean;
}

/** Bytes unpacked between looks at the clock; a piece of small files takes a few milliseconds. */
const PIECE = 128 * 1024;

/** @throws {FathomError} invalid, when the archive is refused; unavailable, when the disk is full. Nothing is left then. */
export async function stageLayer(
  paths: Paths,
  source: AsyncIterable<Uint8Array>,
  options: StageOptions = {},
): Promise<StagedLayer> {
  await using stack = new AsyncDisposableStack();
  const directory = join(paths.layerIngest, uniqueName());
  await mkdir(paths.layerIngest, { recursive: true, mode: 0o755 });
  spreadBelow(paths.layerIngest);
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, "diff"), { recursive: true, mode: 0o755 });
  await mkdir(join(directory, "aside"));
  const blob = stack.use(await beginBlob(paths, options.expected, options.partial));
  const { compression, source: bytes } = await detect(source);
  // What is not compressed is the same either way, and hashed once; for xz and bzip2 there is no media type.
  const stored = options.keep === "stored" && (compression === "gzip" || compression === "zstd");
  const hasher = new Bun.CryptoHasher("sha256");
  const archive = stored
    ? hashed(decompressed(copied(bytes, blob), compression), hasher)
    : copied(decompressed(bytes, compression), blob);
  const size = await unpack(archive, directory);
  const pending = await blob.finish(options);
  stack.defer(() => rm(pending.path, { force: true }));
  await writeFile(join(directory, "size"), `${size}\n`, { mode: 0o600 });
  const undo = stack.move();
  return {
    diffId: stored ? digestOfHex(hasher.digest("hex")) : pending.digest,
    size,
    blob: pending,
    mediaType: mediaTypeOf(stored ? compression : "none"),
    directory,
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
}

function mediaTypeOf(compression: Compression): string {
  switch (compression) {
    case "none":
      return MEDIA_TYPE.layer;
    case "gzip":
      return MEDIA_TYPE.layerGzip;
    case "zstd":
      return MEDIA_TYPE.layerZstd;
    case "xz":
    case "bzip2":
      throw new Error(`no layer is stored as ${compression}`);
  }
}

/** The same bytes, written to a blob as they pass. */
async function* copied(source: AsyncIterable<Uint8Array>, blob: BlobWriter): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    await blob.write(chunk);
    yield chunk;
  }
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hasher: Bun.CryptoHasher,
): AsyncIterable<Uint8Array> {
  for await (const chunk of source) {
    hasher.update(chunk);
    yield chunk;
  }
}

/** Gives the bytes of the unpacked files. */
async function unpack(archive: AsyncIterable<Uint8Array>, directory: string): Promise<number> {
  using stack = new DisposableStack();
  const [root, aside] = ["diff", "aside"].map((name) => openUntilEnd(join(directory, name), stack));
  const { blocks, bsize } = await statfs(directory);
  const target = layerTarget({ root: root ?? -1, aside: aside ?? -1, capacity: blocks * bsize });
  const into = stack.use(unpacker(target));
  await feedArchive(archive, into);
  const { size, replacedDirectories } = await into.finish(pace());
  await rm(join(directory, "aside"), { recursive: true });
  return replacedDirectories ? bytesBelow(join(directory, "diff")) : size;
}

function openUntilEnd(path: string, stack: DisposableStack): number {
  const fd = openSync(path, "r");
  stack.defer(() => closeSync(fd));
  return fd;
}

/** Unpacks an archive as it arrives, with pauses for others. @throws {FathomError} invalid, when the archive is refused */
export async function feedArchive(archive: AsyncIterable<Uint8Array>, into: Unpacker): Promise<void> {
  const reader = tarReader(into);
  const clock = pace();
  for await (const chunk of archive) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      reader.push(chunk.subarray(at, at + PIECE));
      if (clock.isDue()) await clock.pause();
    }
  }
  reader.finish();
}

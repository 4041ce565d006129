/**
 * The form in which images go out: an OCI image layout, with Docker's manifest.json and repositories beside, as Docker writes since
 * version 25, so that either reader finds what it knows. What is in it follows from the images alone.
 */

import { hexOf } from "../spec/digest.ts";
import { type Descriptor, type ImageIndex, MEDIA_TYPE } from "../spec/oci_image.ts";
import { familiarName, familiarText, parseReference } from "../spec/reference.ts";
import type { TarEntry } from "../std/tar/entry.ts";
import { entryHeader, NO_FILE, tarEnd, tarPadding } from "../std/tar/writer.ts";
import type { Image } from "./_catalog.ts";

/** An image with the tags that were asked for, as whole references. */
export interface Saved<T = SavedImage> {
  image: T;
  tags: string[];
}

export type SavedImage = Pick<Image, "id" | "descriptor" | "manifest" | "config">;

export function blobsOf({ descriptor, manifest }: SavedImage): Descriptor[] {
  return [descriptor, manifest.config, ...manifest.layers];
}

/** @param read gives the content of a blob, of exactly the size that its descriptor says */
export async function* layoutArchive(
  saved: readonly Saved[],
  read: (blob: Descriptor) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const blobs = new Map(saved.flatMap(({ image }) => blobsOf(image)).map((blob) => [blob.digest, blob]));
  yield directory("blobs/");
  yield directory("blobs/sha256/");
  for (const digest of [...blobs.keys()].sort()) {
    const blob = blobs.get(digest);
    if (blob === undefined) continue;
    yield file(`blobs/sha256/${hexOf(digest)}`, blob.size);
    yield* read(blob);
    yield tarPadding(blob.size);
  }
  yield* document("index.json", indexOf(saved));
  yield* document("manifest.json", manifestsOf(saved));
  yield* document("oci-layout", { imageLayoutVersion: "1.0.0" });
  const repositories = repositoriesOf(saved);
  if (Object.keys(repositories).length > 0) yield* document("repositories", repositories);
  yield tarEnd();
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
  const ids = new Set(saved.map(({ image }) => image.id));
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
    ...(config.parent !== undefined && ids.has(config.parent) && { Parent: config.parent }),
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

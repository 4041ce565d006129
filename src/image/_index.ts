/**
 * index.json: which images there are, and what they are called.
 *
 * One descriptor for each name of an image; an image without a name has one without the annotation. The annotation holds the
 * whole reference, so that `skopeo inspect oci:/var/lib/fathom/images:docker.io/library/alpine:latest` finds it.
 * Source: opencontainers/image-spec v1.1, image-layout.md and annotations.md.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "../spec/digest.ts";
import { type Descriptor, type Digest, type ImageIndex, MEDIA_TYPE } from "../spec/oci_image.ts";
import { ifAbsent, isAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { syncDirectory, writeDurably } from "./_blobs.ts";
import type { Paths } from "./_paths.ts";

const REFERENCE = "org.opencontainers.image.ref.name";
/** When the name was given, RFC 3339: Docker's LastTagTime. */
const TAGGED = "dev.fathom.image.tagged";
/** The image that this one was made from, where its configuration does not say. */
const PARENT = "dev.fathom.image.parent";

/** The index on disk; an empty one where there is none yet. */
export async function readIndex(paths: Paths): Promise<ImageIndex> {
  let text: string;
  try {
    text = await readFile(paths.index, "utf8");
  } catch (error) {
    if (isAbsent(error)) return { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] };
    throw error;
  }
  const index = parse(text);
  if (index === undefined) {
    throw new FathomError(
      "internal",
      `the list of images ${paths.index} is damaged: restore it or move it away`,
    );
  }
  return index;
}

function parse(text: string): ImageIndex | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isIndex =
      typeof value === "object" && value !== null && "manifests" in value && Array.isArray(value.manifests);
    return isIndex ? (value as ImageIndex) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Replaces the index on disk, in a layout that is there. The names of the blobs and layers it is about are on disk before it is. */
export async function writeIndex(paths: Paths, index: ImageIndex): Promise<void> {
  const content = `${JSON.stringify(index, null, 2)}\n`;
  await writeDurably(paths, { path: paths.index, content, after: [paths.blobs, paths.layers] });
  await syncDirectory(paths.images);
}

const LAYOUT = '{"imageLayoutVersion":"1.0.0"}\n';

/** Makes the empty layout, or what is missing of it. Others may be reading the file that marks it. */
export async function makeLayout(paths: Paths): Promise<void> {
  await mkdir(paths.blobs, { recursive: true, mode: 0o700 });
  await mkdir(paths.layers, { recursive: true, mode: 0o700 });
  const marker = join(paths.images, "oci-layout");
  const found = await readFile(marker, "utf8").catch(ifAbsent(undefined));
  if (found !== LAYOUT) await writeFile(marker, LAYOUT, { mode: 0o600 });
}

/** The whole reference by which a descriptor is known. */
export function referenceOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[REFERENCE];
}

/** When the descriptor's name was given. */
export function taggedAt(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[TAGGED];
}

/** The index in which `reference` names the manifest, and no other. An image that loses its last name stays without one. */
export function withReference(
  index: ImageIndex,
  manifest: Descriptor,
  name: { reference: string; at: string },
): ImageIndex {
  const plain = bare(manifest);
  const annotations = { ...plain.annotations, [REFERENCE]: name.reference, [TAGGED]: name.at };
  const others = withoutReferences(index, [name.reference]).manifests.filter(
    (one) => one.digest !== manifest.digest || referenceOf(one) !== undefined,
  );
  return { ...index, manifests: [...others, { ...plain, annotations }] };
}

/** The index with the manifest in it, if need be without a name. */
export function withManifest(index: ImageIndex, manifest: Descriptor): ImageIndex {
  const isThere = index.manifests.some(({ digest }) => digest === manifest.digest);
  return isThere ? index : { ...index, manifests: [...index.manifests, bare(manifest)] };
}

/** What the descriptor notes as the image that its own was made from. */
export function parentNoted({ annotations }: Descriptor): Digest | undefined {
  const parent = annotations?.[PARENT] ?? "";
  return isDigest(parent) ? parent : undefined;
}

/** The index in which all descriptors of a manifest note such a parent. */
export function withParentNoted(index: ImageIndex, manifest: Digest, parent: string): ImageIndex {
  const manifests = index.manifests.map((one) =>
    one.digest === manifest ? { ...one, annotations: { ...one.annotations, [PARENT]: parent } } : one,
  );
  return { ...index, manifests };
}

/** The index without these names; an image that loses its last one stays without a name. */
export function withoutReferences(index: ImageIndex, references: readonly string[]): ImageIndex {
  const isNamed = (one: Descriptor) => references.includes(referenceOf(one) ?? "");
  const kept = index.manifests.filter((one) => !isNamed(one));
  const lost = index.manifests.filter((one) => isNamed(one));
  return lost.reduce(withManifest, { ...index, manifests: kept });
}

/** The index without these manifests, whatever they are called. */
export function withoutManifests(index: ImageIndex, manifests: ReadonlySet<Digest>): ImageIndex {
  return { ...index, manifests: index.manifests.filter(({ digest }) => !manifests.has(digest)) };
}

/** Without what is a name's own. */
export function bare({ annotations, ...descriptor }: Descriptor): Descriptor {
  const { [REFERENCE]: _name, [TAGGED]: _at, ...others } = annotations ?? {};
  return Object.keys(others).length === 0 ? descriptor : { ...descriptor, annotations: others };
}

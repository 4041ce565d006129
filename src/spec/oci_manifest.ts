/**
 * Manifests and indexes as registries give them, in OCI's and in Docker's media types, checked before anything believes them.
 *
 * Source: opencontainers/image-spec v1.1 (manifest.md, image-index.md, media-types.md); distribution's "Image Manifest Version 2,
 * Schema 2" for Docker's names of the same shapes.
 */

import { FathomError } from "../std/errors.ts";
import { isDigest } from "./digest.ts";
import { type Descriptor, type ImageManifest, MEDIA_TYPE, type Platform } from "./oci_image.ts";

const DOCKER_MEDIA_TYPE = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
} as const;

/** What a client says it understands: both families, nothing older. */
export const MANIFEST_TYPES: readonly string[] = [
  DOCKER_MEDIA_TYPE.manifest,
  DOCKER_MEDIA_TYPE.index,
  MEDIA_TYPE.manifest,
  MEDIA_TYPE.index,
];

const CONFIG_TYPES: readonly string[] = [
  MEDIA_TYPE.config,
  DOCKER_MEDIA_TYPE.config,
  "application/octet-stream",
];
/** Layers by what they hold; how they are compressed their first bytes say. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1\.tar(?:\+(?:gzip|zstd))?|docker\.image\.rootfs(?:\.foreign)?\.diff\.tar(?:\.gzip|\.zstd)?)$/;
const MOST_LAYERS = 500;
const MOST_MANIFESTS = 5000;
/** Bytes; a petabyte is a lie. */
const LARGEST = 2 ** 50;

export type Parsed =
  | { kind: "index"; manifests: Descriptor[] }
  | { kind: "image"; manifest: ImageManifest; mediaType: string };

/**
 * Reads a manifest or an index.
 * @param name what errors call it
 * @throws {FathomError} invalid, unsupported: a sentence that names what is wrong with it
 */
export function parseManifest(text: string, declared: string, name: string): Parsed {
  const value = parseObject(text, `the manifest of ${name}`);
  if (value.schemaVersion === 1) {
    throw new FathomError(
      "unsupported",
      `${name} is in Docker's image manifest version 2, schema 1, which registries gave up in 2017 and Docker in 2024: have its author push it again`,
    );
  }
  if (value.schemaVersion !== 2) throw wrong(name, "it has no schemaVersion 2");
  const mediaType = typeof value.mediaType === "string" ? value.mediaType : declared;
  if (isIndexType(mediaType) || (!isManifestType(mediaType) && Array.isArray(value.manifests))) {
    // A document that is both would be one thing to us and another to others (CVE-2021-41190).
    if ("config" in value || "layers" in value) throw wrong(name, "it is an index and an image at once");
    return {
      kind: "index",
      manifests: descriptors(value.manifests, { name, field: "manifests", most: MOST_MANIFESTS }),
    };
  }
  if ("manifests" in value) throw wrong(name, "it is an image and an index at once");
  if (
    !isManifestType(mediaType) &&
    declared !== "" &&
    !isManifestType(declared) &&
    !/json|text|octet/.test(declared)
  ) {
    throw new FathomError("unsupported", `${name} is of media type ${shown(mediaType)}, which is no image`);
  }
  return { kind: "image", ...imageOf(value, mediaType, name) };
}

function imageOf(value: Record<string, unknown>, mediaType: string, name: string) {
  const config = descriptor(value.config, { name, field: "config" });
  if (!CONFIG_TYPES.includes(config.mediaType)) {
    throw new FathomError(
      "unsupported",
      `Encountered remote ${shown(config.mediaType)}(${classOf(config.mediaType)}) when fetching ${name}: it is an artifact and no image that a container could be made of`,
    );
  }
  const layers = descriptors(value.layers, { name, field: "layers", most: MOST_LAYERS });
  const odd = layers.find((layer) => !LAYER_TYPE.test(layer.mediaType));
  if (odd !== undefined) {
    throw new FathomError(
      "unsupported",
      `layer ${odd.digest} of ${name} is of media type ${shown(odd.mediaType)}, which is not supported`,
    );
  }
  const manifest: ImageManifest = { schemaVersion: 2, mediaType, config, layers };
  return { manifest, mediaType: isManifestType(mediaType) ? mediaType : MEDIA_TYPE.manifest };
}

/** Docker's word for what is no image. */
function classOf(mediaType: string): string {
  return mediaType === "application/vnd.docker.plugin.v1+json" ? "plugin" : "unknown";
}

function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.index || mediaType === DOCKER_MEDIA_TYPE.index;
}

function isManifestType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.manifest || mediaType === DOCKER_MEDIA_TYPE.manifest;
}

interface Field {
  name: string;
  field: string;
}

function descriptors(value: unknown, { most, ...field }: Field & { most: number }): Descriptor[] {
  if (!Array.isArray(value)) throw wrong(field.name, `its ${field.field} are no list`);
  if (value.length > most)
    throw wrong(field.name, `it has ${value.length} ${field.field}, and at most ${most} are read`);
  return value.map((one: unknown) => descriptor(one, field));
}

function descriptor(value: unknown, { name, field }: Field): Descriptor {
  const found = Object(value) as Record<string, unknown>;
  const { mediaType, digest, size, urls, annotations } = found;
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw wrong(name, `a digest of its ${field} is ${shown(digest)} and not of the form sha256:…`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size > LARGEST) {
    throw wrong(name, `the size of ${digest} is ${shown(size)}`);
  }
  const platform = platformIn(found.platform);
  return {
    mediaType: typeof mediaType === "string" ? mediaType : "",
    digest,
    size,
    ...(platform !== undefined && { platform }),
    ...(Array.isArray(urls) && { urls: urls.filter((url) => typeof url === "string").slice(0, 10) }),
    ...(isTexts(annotations) && { annotations }),
  };
}

function isTexts(value: unknown): value is Record<string, string> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((text) => typeof text === "string")
  );
}

function platformIn(value: unknown): Platform | undefined {
  const { os, architecture, variant, ...rest } = Object(value) as Record<string, unknown>;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  const version = rest["os.version"];
  return {
    architecture,
    os,
    ...(typeof variant === "string" && variant !== "" && { variant }),
    ...(typeof version === "string" && { "os.version": version }),
  };
}

function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FathomError("invalid", `${what} is not JSON`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new FathomError("invalid", `${what} is not a JSON object`);
}

function wrong(name: string, why: string): FathomError {
  return new FathomError("invalid", `the manifest of ${name} is refused: ${why}`);
}

function shown(value: unknown): string {
  return JSON.stringify(String(value ?? "missing").slice(0, 200));
}

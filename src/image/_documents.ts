/**
 * The JSON documents of an image that comes from outside: read with bounds, and taken only where their shape is right.
 *
 * Source: opencontainers/image-spec v1.1 (image-index.md, manifest.md, config.md); Docker Image Specification v1.2 (manifest.json).
 */

import { isDigest } from "../spec/digest.ts";
import type {
  Descriptor,
  Digest,
  HistoryEntry,
  ImageConfig,
  ImageRunConfig,
  Platform,
} from "../spec/oci_image.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { filled, flag, integer, list, map, object, type Shape, text, words } from "../std/shape.ts";

/** Nothing that anybody writes is deeper. */
const DEEPEST = 64;
/** Layers of one image. */
const MOST_LAYERS = 4096;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** @throws {FathomError} invalid, naming the document, when it is no JSON or nested too deep */
function parseDocument(name: string, content: Uint8Array): unknown {
  try {
    const source = decoder.decode(content);
    if (depthOf(source) > DEEPEST) throw new Error(`it is nested more than ${DEEPEST} deep`);
    return JSON.parse(source);
  } catch (cause) {
    throw new FathomError(
      "invalid",
      `${JSON.stringify(name)} is no JSON that can be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

const [QUOTE, ESCAPE, OPENING, CLOSING] = ['"', "\\", "[{", "]}"];

/** How deep brackets are nested, those in strings left out. One pass, whatever the text. */
function depthOf(source: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (quoted && char === ESCAPE) at += 1;
    else if (char === QUOTE) quoted = !quoted;
    else if (!quoted && OPENING.includes(char)) depth += 1;
    else if (!quoted && CLOSING.includes(char)) depth -= 1;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

const digest: Shape<Digest> = {
  check(value, path) {
    const found = text.check(value, path);
    if (isDigest(found)) return found;
    throw new FathomError("invalid", `${path} is ${JSON.stringify(found)}, which is no SHA-256 digest`);
  },
  zero: () => "sha256:",
};

const nothing: Shape<Record<string, never>> = { check: () => ({}), zero: () => ({}) };
const platform = object<Platform>({ architecture: filled(text), os: filled(text), variant: text });
const descriptor = object<Descriptor>({
  mediaType: filled(text),
  digest: filled(digest),
  size: filled(integer),
  annotations: map(text),
  platform,
  urls: list(text),
});

/** An index or a manifest: which of them it is shows in what it has. */
export interface IndexOrManifest {
  mediaType?: string;
  manifests?: Descriptor[];
  config?: Descriptor;
  layers?: Descriptor[];
}

const indexOrManifest = object<IndexOrManifest>({
  mediaType: text,
  manifests: list(descriptor),
  config: descriptor,
  layers: list(descriptor),
});

/** What a container runs with: only that it has the right types, for it is kept as it is. */
const runConfig = object<Omit<ImageRunConfig, "Healthcheck">>({
  User: text,
  ExposedPorts: map(nothing),
  Env: list(text),
  Entrypoint: words,
  Cmd: words,
  Volumes: map(nothing),
  WorkingDir: text,
  Labels: map(text),
  StopSignal: text,
  ArgsEscaped: flag,
  OnBuild: list(text),
  Shell: list(text),
});
const history = object<HistoryEntry>({
  created: text,
  created_by: text,
  author: text,
  comment: text,
  empty_layer: flag,
});

type Checked = Omit<ImageConfig, "parent" | "config" | "container_config" | "rootfs"> & {
  parent?: string;
  config?: Omit<ImageRunConfig, "Healthcheck">;
  container_config?: Omit<ImageRunConfig, "Healthcheck">;
  rootfs: { type: string; diff_ids: Digest[] };
};
const config = object<Checked>({
  created: text,
  author: text,
  architecture: filled(text),
  variant: text,
  os: filled(text),
  config: runConfig,
  rootfs: filled(object<Checked["rootfs"]>({ type: filled(text), diff_ids: filled(list(digest)) })),
  history: list(history),
  parent: text,
  container: text,
  container_config: runConfig,
  docker_version: text,
});

/** One image of Docker's manifest.json. */
export interface DockerManifest {
  Config: string;
  RepoTags: string[];
  Layers: string[];
  /** The ID of the image it was made from, where that is in the archive too. */
  Parent?: string;
}

const dockerManifests = list(
  object<DockerManifest>({
    Config: filled(text),
    RepoTags: filled(list(text)),
    Layers: filled(list(text)),
    Parent: text,
  }),
);

/** @throws {FathomError} invalid, naming the document and its field */
export function readDockerManifests(name: string, content: Uint8Array): DockerManifest[] {
  return checked(name, content, dockerManifests);
}

/** @throws {FathomError} invalid, naming the document and its field */
export function readIndexOrManifest(name: string, content: Uint8Array): IndexOrManifest {
  return checked(name, content, indexOrManifest);
}

/** @throws {FathomError} invalid, naming the document and its field; unsupported, for an image that is not of Linux */
export function readConfig(name: string, content: Uint8Array): ImageConfig {
  const { rootfs } = checked(name, content, config);
  const found = parseDocument(name, content) as ImageConfig;
  const count = rootfs.diff_ids.length;
  if (count > MOST_LAYERS)
    throw new FathomError(
      "invalid",
      `${JSON.stringify(name)} has ${count} layers: at most ${MOST_LAYERS} are taken`,
    );
  if (found.os && found.os !== "linux")
    throw new FathomError("unsupported", `cannot load ${found.os} image on linux`);
  // An image of nothing may have left the list out.
  return { ...found, rootfs: { type: "layers", diff_ids: rootfs.diff_ids } };
}

function checked<T>(name: string, content: Uint8Array, shape: Shape<T>): T {
  const value = parseDocument(name, content);
  try {
    return shape.check(value, "");
  } catch (cause) {
    const why = messageOf(cause).replace("the request's body", "the whole of it");
    throw new FathomError("invalid", `${JSON.stringify(name)} is malformed: ${why}`, { cause });
  }
}

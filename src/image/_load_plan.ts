/**
 * Which images an archive holds, decided on its documents alone: pure.
 *
 * Docker's manifest.json says most, names above all, and is followed where there is one; an OCI layout's index.json is followed else,
 * through indexes of platforms to the manifest for this host. Docker writes both since version 25: then the OCI manifest of an image is kept
 * beside what manifest.json says, so that its digest stays.
 * Source: opencontainers/image-spec v1.1, image-layout.md; Docker Image Specification v1.2.
 */

import { posix } from "node:path";
import { digestOf, hexOf } from "../spec/digest.ts";
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  MEDIA_TYPE,
  type Platform,
} from "../spec/oci_image.ts";
import { platformText } from "../spec/platform.ts";
import { parseReference, type Reference, withDefaultTag } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import type { ArchiveContents } from "./_archive_contents.ts";
import { readConfig, readDockerManifests, readIndexOrManifest } from "./_documents.ts";
import { suits } from "./_platform.ts";
import type { ArrivedImage } from "./adopt.ts";

/** Links from one to the next, and indexes within indexes. */
const MOST_HOPS = 16;

/** @throws {FathomError} invalid, naming the document that is wrong; not-found, when nothing suits the platform. */
export function planLoad(
  contents: ArchiveContents,
  { platform, host }: { platform: Platform | undefined; host: Platform },
): ArrivedImage[] {
  const manifests = ociManifests(contents);
  const docker = contents.documents.get("manifest.json");
  const wanted = platform ?? host;
  const planned =
    docker === undefined
      ? fromIndex(contents, manifests, wanted)
      : readDockerManifests("manifest.json", docker).map((one) => fromDocker(contents, one, manifests));
  const suiting = platform === undefined ? planned : planned.filter(({ config }) => suits(config, platform));
  if (suiting.length > 0 || platform === undefined) return suiting;
  throw new FathomError(
    "not-found",
    `requested platform (${platformText(platform)}) not found: image might be filtered out`,
  );
}

/** An OCI manifest of the archive, with the names that the index gives it. */
interface Found {
  digest: Digest;
  mediaType: string;
  content: Uint8Array;
  config: Descriptor;
  layers: Descriptor[];
  platform: Platform | undefined;
  names: string[];
  /** Which entry of index.json led to it. */
  entry: number;
}

/** All that index.json leads to, attestations left out. */
function ociManifests({ documents }: ArchiveContents): Found[] {
  const index = documents.get("index.json");
  if (index === undefined) return [];
  const found: Found[] = [];
  const follow = (descriptor: Descriptor, inherited: Pick<Found, "names" | "entry">, hops: number): void => {
    const name = blobName(descriptor.digest);
    const content = documents.get(name);
    // Of other platforms an archive may hold no more than the descriptor.
    if (content === undefined) return;
    if (hops > MOST_HOPS)
      throw new FathomError("invalid", `"${name}" is an index more than ${MOST_HOPS} indexes deep`);
    const { manifests, config, layers, mediaType } = readIndexOrManifest(name, content);
    for (const one of manifests ?? []) follow(one, inherited, hops + 1);
    if (config === undefined || layers === undefined || !isImage(config, descriptor)) return;
    found.push({
      ...inherited,
      digest: descriptor.digest,
      mediaType: descriptor.mediaType || mediaType || MEDIA_TYPE.manifest,
      content,
      config,
      layers,
      platform: descriptor.platform,
    });
  };
  for (const [entry, descriptor] of (readIndexOrManifest("index.json", index).manifests ?? []).entries())
    follow(descriptor, { names: namesIn(descriptor), entry }, 0);
  return found;
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

const CONFIGS: ReadonlySet<string> = new Set([
  MEDIA_TYPE.config,
  "application/vnd.docker.container.image.v1+json",
]);

/** What a builder says about an image has the form of an image, and the platform `unknown/unknown`. */
function isImage({ mediaType }: Descriptor, { platform }: Descriptor): boolean {
  return CONFIGS.has(mediaType) && platform?.os !== "unknown";
}

/** containerd's annotation holds a whole reference; OCI's may hold one, or a mere tag, which names nothing. */
function namesIn({ annotations = {} }: Descriptor): string[] {
  const whole = annotations["io.containerd.image.name"];
  const name = annotations["org.opencontainers.image.ref.name"] ?? "";
  if (whole !== undefined) return [whole];
  return /[:/]/.test(name) ? [name] : [];
}

/** For each entry of the index the manifest that suits; the first where none says that it does and nothing else was asked for. */
function fromIndex(
  { documents }: ArchiveContents,
  manifests: readonly Found[],
  wanted: Platform,
): ArrivedImage[] {
  if (!documents.has("index.json"))
    throw new FathomError(
      "invalid",
      "invalid archive: does not contain a manifest.json: it holds no images; make one of the files of a root by docker import",
    );
  const entries = Map.groupBy(manifests, ({ entry }) => entry);
  const chosen = [...entries.values()].flatMap((all) => {
    const suiting = all.find(({ platform }) => platform !== undefined && suits(platform, wanted));
    const one = suiting ?? all[0];
    return one === undefined ? [] : [one];
  });
  if (chosen.length === 0)
    throw new FathomError("invalid", "invalid archive: its index.json names no image that is in it");
  // One image may have several entries, each with another name.
  return [...Map.groupBy(chosen, ({ digest }) => digest).values()].flatMap((same) => {
    const [first] = same;
    return first === undefined
      ? []
      : [
          fromManifest(
            { documents },
            first,
            same.flatMap(({ names }) => names),
          ),
        ];
  });
}

function fromManifest(
  { documents }: Pick<ArchiveContents, "documents">,
  { config: { digest }, content, mediaType, layers }: Found,
  names: readonly string[],
): ArrivedImage {
  const name = blobName(digest);
  const configuration = documents.get(name);
  if (configuration === undefined) throw missing(name, "the configuration of an image");
  const config = readConfig(name, configuration);
  checkCount(layers.length, config);
  return {
    content: configuration,
    config,
    manifest: { content, mediaType },
    layers,
    references: names.map(reference),
  };
}

function fromDocker(
  contents: ArchiveContents,
  { Config, RepoTags, Layers, Parent }: ReturnType<typeof readDockerManifests>[number],
  manifests: readonly Found[],
): ArrivedImage {
  const name = resolved(contents, Config);
  const content = contents.documents.get(name);
  if (content === undefined) throw missing(Config, "the configuration of an image");
  const config = readConfig(name, content);
  checkCount(Layers.length, config);
  const layers = Layers.map((layer) => {
    const found = contents.layers.get(resolved(contents, layer));
    if (found === undefined) throw missing(layer, "a layer of an image");
    return found;
  });
  const id = digestOf(content);
  const own = manifests.find((one) => one.config.digest === id);
  const isSame = own?.layers.every(({ digest }, at) => digest === layers[at]?.digest);
  return {
    content,
    config,
    ...(own !== undefined && isSame && { manifest: { content: own.content, mediaType: own.mediaType } }),
    layers,
    references: RepoTags.map(reference),
    ...(Parent && { parent: Parent }),
  };
}

function reference(name: string): Reference {
  const parsed = withDefaultTag(parseReference(name));
  // What has a digest is named by what it is: nobody can give it such a name.
  const { digest: _digest, ...tagged } = parsed;
  return parsed.tag === undefined ? withDefaultTag(tagged) : tagged;
}

/** The file that a name leads to. */
function resolved({ links }: ArchiveContents, name: string): string {
  let at = posix.normalize(name);
  for (let hops = 0; hops < MOST_HOPS; hops += 1) {
    const next = links.get(at);
    if (next === undefined) return at;
    at = next;
  }
  throw new FathomError(
    "invalid",
    `the archive's entry ${JSON.stringify(name)} leads through a loop of links`,
  );
}

function checkCount(count: number, { rootfs }: ImageConfig): void {
  const expected = rootfs.diff_ids.length;
  if (count === expected) return;
  throw new FathomError(
    "invalid",
    `invalid manifest, layers length mismatch: expected ${expected}, got ${count}`,
  );
}

function missing(name: string, what: string): FathomError {
  return new FathomError("invalid", `the archive has no ${JSON.stringify(name)}, which is ${what}`);
}

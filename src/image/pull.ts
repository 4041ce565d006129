/**
 * Brings an image from a source into the store: manifest, configuration, then the layers, several at a time, each hashed, stored and
 * unpacked as it arrives. Nothing of it is visible before all of it is there.
 */

import { access } from "node:fs/promises";
import { chainIds, digestOf, shortId } from "../spec/digest.ts";
import type { Descriptor, Digest, ImageConfig, ImageManifest, Platform } from "../spec/oci_image.ts";
import { parseManifest } from "../spec/oci_manifest.ts";
import { chooseManifest, hostPlatform, platformText } from "../spec/platform.ts";
import {
  canonicalText,
  familiarName,
  familiarText,
  type Reference,
  repositoryOf,
} from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { slots } from "../std/slots.ts";
import { commitPulled, hasLayer, type PulledImage } from "./_commit_pulled.ts";
import { readConfig } from "./_documents.ts";
import { arrivalOf, type WantedLayer } from "./_layer_pulls.ts";
import { readRange } from "./_partial.ts";
import { blobPath, type Paths } from "./_paths.ts";
import type { ImageSource, Tell } from "./_source.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

export interface PullRequest {
  source: ImageSource;
  /** Wanted by name; else this host's, or what the reference names. */
  platform: Platform | undefined;
  /** Layers at a time. */
  downloads: number;
  tell: Tell;
  signal: AbortSignal;
}

export interface Pulled {
  id: Digest;
  /** Of what the reference names: an index's own where it is one. */
  digest: Digest;
  /** Whether the name means something else now than before. */
  changed: boolean;
}

const MOST_CONFIG = 16 * 1024 * 1024;
const DEEPEST_INDEX = 3;
const MOST_ROUNDS = 3;

/** @param reference with a tag or a digest. @throws {FathomError} a sentence that names what is wrong; nothing is left then */
export async function pullImage(
  store: ImageStore,
  reference: Reference,
  request: PullRequest,
): Promise<Pulled> {
  const { tell } = request;
  const name = familiarText(reference);
  const top = await request.source
    .manifest(reference.digest ?? reference.tag ?? "latest")
    .catch((cause: unknown) => {
      throw notFound(cause, reference);
    });
  const image = await imageManifest(top, name, request);
  const heading = { id: reference.digest ?? reference.tag ?? "latest", heading: true };
  tell({ ...heading, status: `Pulling from ${reference.path}` });
  const byDigest = `${repositoryOf(reference)}@${top.digest}`;
  const references = reference.digest === undefined ? [byDigest, canonicalText(reference)] : [byDigest];
  const before = await currentCatalog(store);
  const changed = references.some((one) => before.byReference.get(one)?.descriptor.digest !== image.digest);
  const known = before.images.has(image.digest);
  const source = known ? storedSource(store.paths, request.source) : request.source;
  const config = await imageConfig(image.manifest, name, { ...request, source });
  for (let round = 1; ; round++) {
    await using stack = new AsyncDisposableStack();
    const wanted = wantedLayers(image.manifest, config.parsed);
    const layers = await fetchLayers(store, { wanted, known: known && round === 1 }, { ...request, stack });
    if (await commitPulled(store, { manifest: image, config, layers }, references)) break;
    if (round === MOST_ROUNDS)
      throw new FathomError(
        "conflict",
        `layers of ${name} are removed as fast as they arrive: pull it again`,
      );
  }
  tell({ status: `Digest: ${top.digest}` });
  return { id: config.digest, digest: top.digest, changed };
}

/** In Docker's wording, which tools match on. */
function notFound(cause: unknown, reference: Reference): unknown {
  if (!(cause instanceof FathomError)) return cause;
  if (cause.kind === "not-found") {
    return new FathomError(
      "not-found",
      `manifest for ${familiarText(reference)} not found: manifest unknown: manifest unknown`,
      { cause },
    );
  }
  if (cause.kind !== "unauthorized" && cause.kind !== "forbidden") return cause;
  return new FathomError(
    "not-found",
    `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${cause.message}`,
    { cause },
  );
}

interface FoundManifest {
  mediaType: string;
  digest: Digest;
  bytes: Uint8Array;
  manifest: ImageManifest;
}

/** The manifest of one image: an index's for the platform. */
async function imageManifest(
  top: Awaited<ReturnType<ImageSource["manifest"]>>,
  name: string,
  { source, platform }: PullRequest,
): Promise<FoundManifest> {
  let { digest, bytes, mediaType } = top;
  for (let depth = 0; depth <= DEEPEST_INDEX; depth++) {
    const parsed = parseManifest(Buffer.from(bytes).toString(), mediaType, name);
    if (parsed.kind === "image") return { ...parsed, digest, bytes };
    const wanted = platform ?? hostPlatform();
    const chosen = chooseManifest(parsed.manifests, wanted);
    if (chosen === undefined) {
      throw new FathomError(
        "not-found",
        `no matching manifest for ${platformText(wanted)} in the manifest list entries`,
      );
    }
    ({ bytes, mediaType } = await source.manifest(chosen.digest));
    digest = chosen.digest;
    if (bytes.length !== chosen.size) {
      throw new FathomError(
        "invalid",
        `manifest ${digest} of ${name} has ${bytes.length} bytes, and the index says ${chosen.size}`,
      );
    }
  }
  throw new FathomError(
    "invalid",
    `${name} is an index of indexes more than ${DEEPEST_INDEX} deep, which is refused`,
  );
}

async function imageConfig(
  { config, layers }: ImageManifest,
  name: string,
  { source, platform, signal }: PullRequest,
): Promise<PulledImage["config"]> {
  const bytes = await wholeBlob(source, config, signal);
  const parsed = readConfig(`the configuration of ${name}`, bytes);
  if (parsed.rootfs.diff_ids.length !== layers.length) {
    throw new FathomError(
      "invalid",
      `the manifest of ${name} is refused: it has ${layers.length} layers, and its configuration ${parsed.rootfs.diff_ids.length}`,
    );
  }
  checkPlatform(parsed, name, platform);
  return { digest: config.digest, bytes, parsed };
}

function checkPlatform(config: ImageConfig, name: string, wanted: Platform | undefined): void {
  if (wanted === undefined || (config.os === wanted.os && config.architecture === wanted.architecture))
    return;
  throw new FathomError(
    "not-found",
    `image with reference ${name} was found but does not match the specified platform: wanted ${platformText(wanted)}, actual: ${platformText(config)}`,
  );
}

/** Blobs from the store as long as they are there. */
function storedSource(paths: Paths, source: ImageSource): ImageSource {
  const blob: ImageSource["blob"] = async function* (descriptor, range) {
    const path = blobPath(paths, descriptor.digest);
    const isHere = await access(path).then(
      () => true,
      () => false,
    );
    yield* isHere ? readRange(path, range.from, descriptor.size) : source.blob(descriptor, range);
  };
  return { ...source, blob };
}

/** Small content, held whole. */
async function wholeBlob(source: ImageSource, descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
  const { digest, size } = descriptor;
  if (size > MOST_CONFIG) {
    throw new FathomError(
      "invalid",
      `the configuration ${digest} has ${size} bytes, and at most ${MOST_CONFIG} are read`,
    );
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of source.blob(descriptor, { from: 0, signal })) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (digestOf(bytes) === digest) return bytes;
  throw new FathomError(
    "invalid",
    `content that should be ${digest} is ${digestOf(bytes)}: it was changed on the way`,
  );
}

/** Every layer of an image, with what has arrived of it; `stack` lets go of that. */
async function fetchLayers(
  store: ImageStore,
  { wanted, known }: { wanted: WantedLayer[]; known: boolean },
  request: PullRequest & { stack: AsyncDisposableStack },
): Promise<PulledImage["layers"]> {
  const { source, tell, stack } = request;
  const here = await Promise.all(wanted.map((layer) => hasLayer(store.paths, layer)));
  // Of an image that is here as it is in the registry, Docker says nothing of the layers.
  for (const [index, { descriptor }] of wanted.entries()) {
    if (known && here[index]) continue;
    tell({ id: shortId(descriptor.digest), status: here[index] ? "Already exists" : "Pulling fs layer" });
  }
  const room = slots(request.downloads);
  // One that fails stops the others.
  const failed = new AbortController();
  const signal = AbortSignal.any([request.signal, failed.signal]);
  const fetchOne = async (layer: WantedLayer) => {
    const id = shortId(layer.descriptor.digest);
    const listen = (news: Parameters<Parameters<typeof arrivalOf>[1]["listen"]>[0]) => tell({ id, ...news });
    signal.throwIfAborted();
    const arrived = await arrivalOf(layer, {
      pulls: store.pulls,
      paths: store.paths,
      source,
      listen,
      signal,
    });
    stack.use(arrived);
    tell({ id, status: "Pull complete" });
    return { ...layer, arrived };
  };
  return settleAll(
    wanted.map((layer, index) => {
      if (here[index]) return Promise.resolve(layer);
      const waiting = () => tell({ id: shortId(layer.descriptor.digest), status: "Waiting" });
      const fetched = room.run(() => fetchOne(layer), waiting);
      fetched.catch((error: unknown) => failed.abort(error));
      return fetched;
    }),
  );
}

function wantedLayers({ layers }: ImageManifest, { rootfs }: ImageConfig): WantedLayer[] {
  const chain = chainIds(rootfs.diff_ids);
  return layers.map((descriptor, index) => {
    const [diffId, chainId] = [rootfs.diff_ids[index], chain[index]];
    if (diffId === undefined || chainId === undefined) throw new Error("a layer has no diff ID");
    return { descriptor, diffId, chainId };
  });
}

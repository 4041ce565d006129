/** Registries and the image store brought together: pulls, pushes, logins and searches as the API wants to see them. */

import type {
  RegistryAuth,
  RegistryBackend,
  SearchOptions,
  TransferRequest,
} from "../api/routes/registry.ts";
import {
  findImage,
  type ImageStore,
  mountCandidates,
  namedIn,
  pullImage,
  pushImage,
  type TransferNews,
} from "../image/mod.ts";
import { login, openRegistries, type Registries, searchImages } from "../registry/mod.ts";
import type { ProgressMessage } from "../spec/docker_progress.ts";
import type { ImageSearchResult } from "../spec/docker_registry.ts";
import type { Platform } from "../spec/oci_image.ts";
import { parsePlatform } from "../spec/platform.ts";
import {
  familiarName,
  familiarText,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../spec/reference.ts";
import { channel } from "../std/channel.ts";
import { FathomError } from "../std/errors.ts";
import { progressBar } from "../std/progress_bar.ts";
import type { DaemonConfig } from "./config.ts";
import type { EventBus } from "./events.ts";
import { registrySettings } from "./registry_flags.ts";
import { inspectManifest, readManifest } from "./registry_manifest.ts";

interface Parts {
  images: ImageStore;
  events: EventBus;
  config: DaemonConfig;
}

/** What a slow reader may leave unread; past it bars are left out. */
const MOST_UNREAD = 1000;

export function registryBackend({ images, events, config }: Parts): RegistryBackend {
  const registries = openRegistries(registrySettings(config, config.proxies));
  const work: Work = { registries, images, events, config };
  return {
    pull: (request, signal) => told((send) => pull(work, request, { send, signal })),
    push: (request, signal) => told((send) => push(work, request, { send, signal })),
    login: async (auth, signal) => {
      const { identityToken } = await login(registries, auth, signal);
      return { Status: "Login Succeeded", IdentityToken: identityToken };
    },
    search: (term, options, signal) => search(registries, { term, ...options }, signal),
    distribution: (name, auth, signal) => inspectManifest(registries, accessTo(name, auth), signal),
    putManifest: async (name, { pushed, ...auth }, signal) => {
      const { pushManifestList } = await import("./manifest_push.ts");
      return pushManifestList(registries, accessTo(name, auth), { pushed, signal });
    },
    manifest: (name, auth, signal) => readManifest(registries, accessTo(name, auth), signal),
  };
}

interface Work extends Parts {
  registries: Registries;
}

type Send = (message: ProgressMessage) => void;

function told(work: (send: Send) => Promise<void>): AsyncIterable<ProgressMessage> {
  const mayDrop = ({ progress }: ProgressMessage) => progress !== undefined;
  return channel(work, { most: MOST_UNREAD, mayDrop });
}

function accessTo(name: string, { auth, others }: RegistryAuth) {
  return { reference: withDefaultTag(parseReference(name)), credentials: auth, others };
}

/** A heading has an id and stands still; every other line with an id changes in its place. */
function messageOf({ id, status, current, total, heading }: TransferNews): ProgressMessage {
  const line = { status, ...(id !== undefined && { id }) };
  if (id === undefined || heading) return line;
  if (current === undefined || total === undefined) return { ...line, progressDetail: {} };
  return { ...line, progressDetail: { current, total }, progress: progressBar(current, total) };
}

interface How {
  send: Send;
  signal: AbortSignal;
}

async function pull(work: Work, request: TransferRequest, { send, signal }: How): Promise<void> {
  const { registries, images, config } = work;
  const platform = platformOf(request);
  const named = referenceOf(request);
  const { domain, path } = named;
  const access = { domain, path, credentials: request.auth, others: request.others, signal };
  const tell = (news: TransferNews) => send(messageOf(news));
  const options = { platform, downloads: config.maxConcurrentDownloads, tell, signal };
  let changed = false;
  const all = await tagsOf(named, work, access);
  for (const reference of all) {
    const pulled = await registries.pulling(access, (source) =>
      pullImage(images, reference, { ...options, source }),
    );
    changed ||= pulled.changed;
    await tellTransfer(work, "pull", reference);
  }
  const shown = all[0] === named ? familiarText(named) : familiarName(named);
  send({ status: `Status: ${changed ? "Downloaded newer image" : "Image is up to date"} for ${shown}` });
}

function platformOf({ platform }: TransferRequest): Platform | undefined {
  return platform === "" ? undefined : parsePlatform(platform);
}

/** The reference itself; for one with neither tag nor digest, each of the repository's tags. */
async function tagsOf(
  named: Reference,
  { registries }: Work,
  access: Parameters<Registries["pulling"]>[0],
): Promise<Reference[]> {
  if (named.tag !== undefined || named.digest !== undefined) return [named];
  const tags = await registries.pulling(access, (source) => source.tags());
  if (tags.length > 0) return tags.map((tag) => ({ ...named, tag }));
  throw new FathomError("not-found", `${familiarName(named)} has no tags`);
}

/** A tag given beside the name comes before that in it, and a digest may stand in its place. */
function referenceOf({ image, tag }: TransferRequest): Reference {
  const named = parseReference(image);
  if (tag === "" || named.digest !== undefined) return named;
  return parseReference(`${repositoryOf(named)}${tag.includes(":") ? "@" : ":"}${tag}`);
}

async function push(work: Work, request: TransferRequest, { send, signal }: How): Promise<void> {
  const { registries, images, config } = work;
  const named = referenceOf(request);
  if (named.digest !== undefined) {
    throw new FathomError("invalid", "cannot push a digest reference");
  }
  const references = named.tag === undefined ? await namedIn(images, named) : [named];
  const { domain, path } = named;
  const mounts = await mountCandidates(images, named);
  const access = {
    domain,
    path,
    credentials: request.auth,
    others: request.others,
    signal,
    mountFrom: [...new Set(mounts.values())],
  };
  const tell = (news: TransferNews) => send(messageOf(news));
  const options = {
    mounts,
    platform: platformOf(request),
    uploads: config.maxConcurrentUploads,
    tell,
    signal,
  };
  for (const reference of references) {
    await requireImage(images, reference);
    if (reference === references[0])
      send({ status: `The push refers to repository [${repositoryOf(named)}]` });
    const { digest, size } = await registries.pushing(access, (target) =>
      pushImage(images, reference, { ...options, target }),
    );
    const tag = reference.tag ?? "";
    send({ status: `${tag}: digest: ${digest} size: ${size}` });
    send({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
    await tellTransfer(work, "push", reference);
  }
}

/** Before anything is said of the push. */
async function requireImage(images: ImageStore, reference: Reference): Promise<void> {
  const here = await namedIn(images, reference);
  if (here.some(({ tag }) => tag === reference.tag)) return;
  throw new FathomError(
    "not-found",
    `An image does not exist locally with the tag: ${familiarName(reference)}`,
  );
}

/** As Docker tells it: by the image's labels, and the repository as its name. */
async function tellTransfer(
  { images, events }: Work,
  action: "pull" | "push",
  reference: Reference,
): Promise<void> {
  const id = familiarText(reference);
  // Somebody may have removed it the moment it was there.
  const found = await findImage(images, id).catch((error: unknown) => {
    if (error instanceof FathomError && error.kind === "not-found") return undefined;
    throw error;
  });
  const attributes = { ...found?.config.config?.Labels, name: familiarName(reference) };
  events.emit({ Type: "image", Action: action, id, attributes });
}

const FILTERS = ["is-official", "is-automated", "stars"];

async function search(
  registries: Registries,
  { term, limit, filters, auth }: SearchOptions & { term: string },
  signal: AbortSignal,
): Promise<ImageSearchResult[]> {
  for (const name of Object.keys(filters)) {
    if (!FILTERS.includes(name)) throw new FathomError("invalid", `invalid filter '${name}'`);
  }
  const stars = Math.max(0, ...(filters.stars ?? []).map((text) => wholeFilter("stars", text)));
  const wanted = (name: string) => filters[name]?.map((text) => booleanFilter(name, text));
  const [official, automated] = [wanted("is-official"), wanted("is-automated")];
  const found = await searchImages(registries, { term, limit }, { credentials: auth, signal });
  return found.filter(
    (one) =>
      one.star_count >= stars &&
      (official?.includes(one.is_official) ?? true) &&
      (automated?.includes(one.is_automated) ?? true),
  );
}

function wholeFilter(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new FathomError("invalid", `invalid filter '${name}=${text}'`);
}

function booleanFilter(name: string, text: string): boolean {
  if (["1", "true"].includes(text.toLowerCase())) return true;
  if (["0", "false"].includes(text.toLowerCase())) return false;
  throw new FathomError("invalid", `invalid filter '${name}=${text}'`);
}

/**
 * One repository at one endpoint: manifests, blobs, tags (distribution-spec v1.1).
 *
 * What is read is verified on the way: a manifest against its digest, a blob's length against its descriptor's. A blob's digest is
 * for whoever stores it to verify, in the same pass.
 */

import { digestOf, isDigest } from "../spec/digest.ts";
import type { Descriptor, Digest } from "../spec/oci_image.ts";
import { MANIFEST_TYPES } from "../spec/oci_manifest.ts";
import { FathomError } from "../std/errors.ts";
import { type BlobRange, readBlob } from "./_blob.ts";
import { readBounded } from "./_body.ts";
import { failedFor, foundOf } from "./_found.ts";
import type { Session } from "./_session.ts";
import { type UploadSource, uploadBlob } from "./_upload.ts";
import type { RegistrySettings } from "./settings.ts";

/** A manifest or an index as the registry gave it. */
export interface FetchedManifest {
  mediaType: string;
  digest: Digest;
  bytes: Buffer;
}

export type PushedBlob = "exists" | "mounted" | "uploaded";

export interface Repository {
  /** @param name a tag or a digest. @throws {FathomError} not-found, unauthorized, invalid, unavailable */
  manifest(name: string): Promise<FetchedManifest>;
  /** The bytes from `from` on, however often the connection breaks. @throws {FathomError} */
  blob(descriptor: Descriptor, range: BlobRange): AsyncIterable<Uint8Array>;
  tags(): Promise<string[]>;
  hasBlob(digest: Digest): Promise<boolean>;
  /** Has the registry take a blob of another of its repositories; false when it would not. */
  mountBlob(digest: Digest, from: string): Promise<boolean>;
  putBlob(blob: UploadSource): Promise<void>;
  /** @param name a tag or a digest */
  putManifest(name: string, manifest: { mediaType: string; bytes: Uint8Array }): Promise<void>;
}

/** Bytes; distribution's own limit. */
const MOST_MANIFEST = 4 * 1024 * 1024;
const MOST_TAG_PAGES = 1000;

/** @param path of the repository in the registry: `library/alpine` */
export function openRepository(session: Session, path: string, settings: RegistrySettings): Repository {
  const root = `/v2/${path}`;
  return {
    manifest: (name) => fetchManifest(session, root, name),
    blob: (descriptor, range) => readBlob({ session, root, settings }, descriptor, range),
    tags: () => listTags(session, path),
    hasBlob: (digest) => hasBlob(session, root, digest),
    mountBlob: (digest, from) => mountBlob(session, root, { digest, from }),
    putBlob: (blob) => uploadBlob(session, root, blob),
    putManifest: (name, manifest) => putManifest(session, `${root}/manifests/${name}`, manifest),
  };
}

async function fetchManifest(session: Session, root: string, name: string): Promise<FetchedManifest> {
  const headers = { Accept: MANIFEST_TYPES.join(", ") };
  const reply = await session.send({ method: "GET", path: `${root}/manifests/${name}`, headers });
  const what = `the manifest ${name} of ${session.endpoint.host}`;
  const bytes = await readBounded(reply, { most: MOST_MANIFEST, what });
  const digest = digestOf(bytes);
  if (isDigest(name) && digest !== name) {
    throw new FathomError(
      "invalid",
      `manifest verification failed for digest ${name}: what ${session.endpoint.host} gave is ${digest}`,
    );
  }
  const mediaType = (reply.headers.get("content-type") ?? "").split(";", 1)[0]?.trim() ?? "";
  return { mediaType, digest, bytes };
}

async function hasBlob(session: Session, root: string, digest: Digest): Promise<boolean> {
  const reply = await session.send({ method: "HEAD", path: `${root}/blobs/${digest}`, accept: [404] });
  await reply.body?.cancel();
  return reply.status === 200;
}

async function mountBlob(
  session: Session,
  root: string,
  { digest, from }: { digest: Digest; from: string },
): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from });
  const path = `${root}/blobs/uploads/?${query}`;
  const reply = await session.send({
    method: "POST",
    path,
    headers: { "Content-Length": "0" },
    accept: [401, 403, 404, 405],
  });
  await reply.body?.cancel();
  return reply.status === 201;
}

async function putManifest(
  session: Session,
  path: string,
  { mediaType, bytes }: { mediaType: string; bytes: Uint8Array },
): Promise<void> {
  const reply = await session.send({
    method: "PUT",
    path,
    headers: { "Content-Type": mediaType },
    body: () => bytes,
  });
  await reply.body?.cancel();
  const told = reply.headers.get("docker-content-digest");
  const digest = digestOf(bytes);
  if (told !== null && told !== digest) {
    throw new FathomError(
      "unavailable",
      `${session.endpoint.host} took manifest ${digest} and calls it ${told.slice(0, 100)}`,
    );
  }
}

/** All pages (distribution-spec, "Listing Tags"). */
async function listTags(session: Session, path: string): Promise<string[]> {
  const tags: string[] = [];
  let next: string | URL | undefined = `/v2/${path}/tags/list`;
  for (let page = 0; next !== undefined && page < MOST_TAG_PAGES; page++) {
    const at: URL = await session.urlOf(next);
    const reply: Response = await session.send({ method: "GET", path: at });
    const body = await readBounded(reply, { most: MOST_MANIFEST, what: `the list of tags of ${path}` });
    tags.push(...tagsIn(body.toString(), path));
    const link: string | undefined = /<([^>]+)>\s*;\s*rel="?next"?/.exec(
      reply.headers.get("link") ?? "",
    )?.[1];
    const after: URL | null = link === undefined ? null : URL.parse(link, at.href);
    next = after?.origin === at.origin ? after : undefined;
  }
  return tags;
}

function tagsIn(text: string, path: string): string[] {
  const tags = foundOf(text)?.tags;
  if (tags === null) return [];
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string" && /^\w[\w.-]{0,127}$/.test(tag)))
    return tags;
  throw failedFor(`the list of tags of ${path}`);
}

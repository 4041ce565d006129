/**
 * Uploads a blob: in one piece, and where a registry or something before it takes no bodies of that size, in chunks
 * (distribution-spec v1.1, "Pushing blobs").
 */

import type { Digest } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import type { Session } from "./_session.ts";

export interface UploadSource {
  digest: Digest;
  size: number;
  /** The bytes of a part; called anew for every try. */
  read(from: number, to: number): AsyncIterable<Uint8Array>;
}

/** Bytes. */
const CHUNK = 16 * 1024 * 1024;
const PAYLOAD_TOO_LARGE = 413;

/** An upload that broke is begun anew: what a registry keeps of the broken one is its own affair. @throws {FathomError} */
export async function uploadBlob(session: Session, root: string, blob: UploadSource): Promise<void> {
  const tooLarge = await session.retrying(() => inOnePiece(session, root, blob));
  if (tooLarge) await session.retrying(() => inChunks(session, root, blob));
}

/** Gives whether it was too large for that. */
async function inOnePiece(session: Session, root: string, blob: UploadSource): Promise<boolean> {
  const place = await begin(session, root);
  const reply = await session.send({
    method: "PUT",
    path: withDigest(place, blob.digest),
    headers: { "Content-Type": "application/octet-stream", "Content-Length": String(blob.size) },
    body: () => blob.read(0, blob.size),
    accept: [PAYLOAD_TOO_LARGE],
    once: true,
  });
  await reply.body?.cancel();
  return reply.status === PAYLOAD_TOO_LARGE;
}

async function inChunks(session: Session, root: string, blob: UploadSource): Promise<void> {
  let place = await begin(session, root);
  for (let at = 0; at < blob.size; at += CHUNK) {
    const end = Math.min(at + CHUNK, blob.size);
    const from = at;
    const reply = await session.send({
      method: "PATCH",
      path: place,
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(end - from),
        "Content-Range": `${from}-${end - 1}`,
      },
      body: () => blob.read(from, end),
      once: true,
    });
    await reply.body?.cancel();
    place = locationOf(reply, place);
  }
  const done = await session.send({
    method: "PUT",
    path: withDigest(place, blob.digest),
    headers: { "Content-Length": "0" },
  });
  await done.body?.cancel();
}

async function begin(session: Session, root: string): Promise<URL> {
  const path = `${root}/blobs/uploads/`;
  const reply = await session.send({ method: "POST", path, headers: { "Content-Length": "0" } });
  await reply.body?.cancel();
  return locationOf(reply, await session.urlOf(path));
}

function locationOf(reply: Response, base: URL): URL {
  const place = URL.parse(reply.headers.get("location") ?? "", base.href);
  if (place !== null && ["https:", "http:"].includes(place.protocol) && reply.headers.has("location"))
    return place;
  throw new FathomError("unavailable", `${base.host} does not say where to upload to`);
}

function withDigest(place: URL, digest: Digest): URL {
  const url = new URL(place);
  url.searchParams.set("digest", digest);
  return url;
}

/**
 * Uploads a blob: in one piece, and where a registry or something before it takes no bodies of that size, in chunks
 * (distribution-spec v1.1, "Pushing blobs").
 */

import type { Digest } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import { TransientError } from "./_failure.ts";
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
/** An upload that the registry has given up, or does not tell of. */
const UNKNOWN_UPLOAD = [400, 403, 404, 405, 416];

/** An upload under way, and how many bytes of it the registry has. */
interface Upload {
  place: URL;
  at: number;
}

/** One that broke goes on where the registry says that it is; where it says nothing of use, it is begun anew. @throws {FathomError} */
export async function uploadBlob(session: Session, root: string, blob: UploadSource): Promise<void> {
  let broken: URL | undefined;
  let piece = Number.POSITIVE_INFINITY;
  await session.retrying(async () => {
    const last = broken;
    // Asked once: a registry that fails at that too is asked for a new upload.
    broken = undefined;
    const kept = last && (await progressOf(session, last, blob));
    let upload: Upload = kept ?? (await begin(session, root));
    broken = upload.place;
    if (kept === undefined && piece > blob.size) {
      if (await inOnePiece(session, upload, blob)) return;
      piece = CHUNK;
      upload = await begin(session, root);
    }
    try {
      while (upload.at < blob.size) {
        broken = upload.place;
        upload = await addPiece(session, upload, { blob, to: Math.min(upload.at + piece, blob.size) });
      }
      await complete(session, upload, blob);
    } catch (cause) {
      if (kept === undefined || cause instanceof TransientError || !(cause instanceof FathomError))
        throw cause;
      // What the registry kept was not what it was given, or not what it says: all of it once more.
      broken = undefined;
      throw new TransientError(cause.message, { cause });
    }
  });
}

/** Gives false where it was too large for that. */
async function inOnePiece(session: Session, { place }: Upload, blob: UploadSource): Promise<boolean> {
  const reply = await session.send({
    method: "PUT",
    path: withDigest(place, blob.digest),
    headers: { "Content-Type": "application/octet-stream", "Content-Length": String(blob.size) },
    body: () => blob.read(0, blob.size),
    accept: [PAYLOAD_TOO_LARGE],
    once: true,
  });
  await reply.body?.cancel();
  return reply.status !== PAYLOAD_TOO_LARGE;
}

async function addPiece(
  session: Session,
  { place, at }: Upload,
  { blob, to }: { blob: UploadSource; to: number },
): Promise<Upload> {
  const reply = await session.send({
    method: "PATCH",
    path: place,
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Length": String(to - at),
      "Content-Range": `${at}-${to - 1}`,
    },
    body: () => blob.read(at, to),
    once: true,
  });
  await reply.body?.cancel();
  return { place: locationOf(reply, place), at: to };
}

async function complete(session: Session, { place }: Upload, { digest }: UploadSource): Promise<void> {
  const done = await session.send({
    method: "PUT",
    path: withDigest(place, digest),
    headers: { "Content-Length": "0" },
  });
  await done.body?.cancel();
}

/**
 * How far an upload is that broke (distribution-spec, "Pushing a blob in chunks": GET, 204, Range); undefined where that is not
 * known. `0-0` is what registries say of nothing at all as well as of one byte.
 */
async function progressOf(session: Session, place: URL, { size }: UploadSource): Promise<Upload | undefined> {
  const reply = await session.send({ method: "GET", path: place, accept: UNKNOWN_UPLOAD, once: true });
  await reply.body?.cancel();
  const last = /^(?:bytes=)?0-(\d+)$/.exec(reply.headers.get("range") ?? "")?.[1];
  const at = Number(last ?? 0) + 1;
  if (reply.status >= 300 || at === 1 || at > size) return undefined;
  return { place: reply.headers.has("location") ? locationOf(reply, place) : place, at };
}

async function begin(session: Session, root: string): Promise<Upload> {
  const path = `${root}/blobs/uploads/`;
  const reply = await session.send({ method: "POST", path, headers: { "Content-Length": "0" } });
  await reply.body?.cancel();
  return { place: locationOf(reply, await session.urlOf(path)), at: 0 };
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

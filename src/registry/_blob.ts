/** Reads a blob: over as many connections as it takes, each going on where the one before it broke. */

import type { Descriptor } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import { streamed } from "./_body.ts";
import { TransientError } from "./_failure.ts";
import { waitAfter } from "./_retry.ts";
import type { Session } from "./_session.ts";
import type { RegistrySettings } from "./settings.ts";

export interface BlobRange {
  /** Bytes that are there already. */
  from: number;
  signal: AbortSignal;
  /** Told whenever the download has to begin another time, in whole seconds to go. */
  retrying?: () => void;
}

interface Place {
  session: Session;
  root: string;
  settings: RegistrySettings;
}

/** @throws {FathomError} invalid, when the registry gives more or other bytes than the descriptor says; unavailable */
export async function* readBlob(
  place: Place,
  descriptor: Descriptor,
  { from, signal, retrying }: BlobRange,
): AsyncGenerator<Uint8Array, void> {
  let at = from;
  let failed = 0;
  while (at < descriptor.size) {
    const before = at;
    try {
      for await (const piece of fromOffset(place, descriptor, { from: at, signal })) {
        at += piece.length;
        if (at > descriptor.size) throw wrongLength(place, descriptor, "more");
        yield piece;
      }
      if (at < descriptor.size)
        throw new TransientError(
          `blob ${descriptor.digest}: the connection ended after ${at} of ${descriptor.size} bytes`,
        );
    } catch (error) {
      failed = at > before ? 1 : failed + 1;
      await waitAfter(error, failed, { ...place.settings, signal });
      retrying?.();
    }
  }
}

async function* fromOffset(
  place: Place,
  descriptor: Descriptor,
  { from, signal }: { from: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const { session, root, settings } = place;
  const path = `${root}/blobs/${descriptor.digest}`;
  const reply = await opened(session, descriptor, { path, from, signal });
  const whole = reply.status !== 206;
  const length = reply.headers.get("content-length");
  const expected = descriptor.size - (whole ? 0 : from);
  if (length !== null && Number(length) !== expected) {
    await reply.body?.cancel();
    throw wrongLength(place, descriptor, `${Number(length) + (whole ? 0 : from)}`);
  }
  if (!whole && !startsAt(reply, from)) {
    await reply.body?.cancel();
    throw new FathomError(
      "invalid",
      `${session.endpoint.host} answers a request for a part of blob ${descriptor.digest} with another part`,
    );
  }
  // A registry that knows no ranges gives all of it again.
  let skip = whole ? from : 0;
  for await (const piece of streamed(reply, {
    url: await session.urlOf(path),
    stallMs: settings.stallMs,
    signal,
  })) {
    const rest = piece.subarray(Math.min(skip, piece.length));
    skip -= piece.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

/** From the registry; what it does not keep itself (foreign layers), from where its descriptor says, as nobody. */
async function opened(
  session: Session,
  { digest, urls }: Descriptor,
  { path, from, signal }: { path: string; from: number; signal: AbortSignal },
): Promise<Response> {
  const headers: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
  const accept = urls === undefined ? [] : [404];
  const reply = await session.send({ method: "GET", path, headers, accept, signal });
  if (reply.status !== 404) return reply;
  await reply.body?.cancel();
  for (const text of urls ?? []) {
    const url = URL.parse(text);
    if (url === null || !["https:", "http:"].includes(url.protocol)) continue;
    const other = await session.send({ method: "GET", path: url, headers, accept: [401, 403, 404], signal });
    if (other.status < 400) return other;
    await other.body?.cancel();
  }
  throw new FathomError(
    "not-found",
    `layer ${digest} is kept neither by ${session.endpoint.host} nor at any place that the manifest names`,
  );
}

function startsAt(reply: Response, from: number): boolean {
  return reply.headers.get("content-range")?.startsWith(`bytes ${from}-`) ?? false;
}

function wrongLength({ session }: Place, { digest, size }: Descriptor, found: string): FathomError {
  return new FathomError(
    "invalid",
    `blob ${digest} should have ${size} bytes, and ${session.endpoint.host} gives ${found}`,
  );
}

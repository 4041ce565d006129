/**
 * The beginnings of blobs whose pull was cut short: the next pull goes on from there, in this daemon's life or a later one's.
 *
 * Nothing vouches for what they hold; whoever goes on hashes them again, and throws them away where the whole is not what it should be.
 */

import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "../spec/digest.ts";
import type { Descriptor, Digest } from "../spec/oci_image.ts";
import { ifAbsent, isAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import type { PartialBlob } from "./_blobs.ts";
import type { Paths } from "./_paths.ts";

/** Those that nobody came back for in this time are removed. Milliseconds. */
const KEPT_MS = 24 * 3600 * 1000;
/** Bytes a read. */
const PIECE = 1024 * 1024;

/** What is there of a blob, if nothing yet an empty beginning. */
export async function partialOf(paths: Paths, { digest, size }: Descriptor): Promise<PartialBlob> {
  await mkdir(paths.partial, { recursive: true, mode: 0o700 });
  const path = join(paths.partial, hexOf(digest));
  const found = await stat(path).catch(ifAbsent(undefined));
  if (found !== undefined && found.size <= size) return { path, size: found.size };
  await rm(path, { force: true });
  return { path, size: 0 };
}

export async function removePartial(paths: Paths, digest: Digest): Promise<void> {
  await rm(join(paths.partial, hexOf(digest)), { force: true });
}

/** The first `size` bytes of a file. */
export const readPart = (path: string, size: number): AsyncGenerator<Uint8Array, void> =>
  readRange(path, 0, size);

/** The bytes of a file from one offset to another, as far as they are there. */
export async function* readRange(path: string, from: number, to: number): AsyncGenerator<Uint8Array, void> {
  if (from >= to) return;
  await using file = await open(path, "r").catch((cause: unknown) => {
    if (!isAbsent(cause)) throw cause;
    throw new FathomError(
      "internal",
      `${path} is missing, so that its image is not whole: pull or import it again`,
      { cause },
    );
  });
  for (let at = from; at < to; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE), 0, Math.min(PIECE, to - at), at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Removes what nobody came back for. */
export async function sweepPartials(paths: Paths): Promise<void> {
  for (const name of await readdir(paths.partial).catch(ifAbsent<string[]>([]))) {
    const path = join(paths.partial, name);
    const found = await stat(path).catch(ifAbsent(undefined));
    if (found !== undefined && Date.now() - found.mtimeMs > KEPT_MS) await rm(path, { force: true });
  }
}

/**
 * Blobs: content by its digest, in blobs/sha256 of the image layout.
 *
 * A blob is written under another name, hashed on the way, flushed to disk, and renamed once it is whole: under its final name
 * there is never a part of it.
 */

import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, digestOfHex } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { blobPath, type Paths, uniqueName } from "./_paths.ts";
import { diskFull, diskFullError } from "./_refusals.ts";

/** Content that is whole, but not yet visible. */
export interface PendingBlob {
  digest: Digest;
  /** Bytes. */
  size: number;
  path: string;
}

export interface BlobWriter extends AsyncDisposable {
  /** The chunk must not be changed afterwards. @throws {FathomError} unavailable, when the disk is full */
  write(chunk: Uint8Array): Promise<void>;
  /** From then on the file is the caller's to publish or remove. It is on disk, unless `flush` is false: see flushBlobs. */
  finish(options?: { flush?: boolean }): Promise<PendingBlob>;
}

/** What a blob must turn out to be. */
export interface Expected {
  digest: Digest;
  size: number;
}

/** Bytes gathered before a write: one system call and one trip to a thread for many small chunks. */
const BATCH = 1024 * 1024;

/** What an earlier attempt has left of a blob: its first bytes. */
export interface PartialBlob {
  path: string;
  /** Bytes. They are written again to the writer, which hashes them and leaves the file as it is. */
  size: number;
}

/** Disposing of the writer before `finish` removes what was written; but a partial blob stays, with what was added to it. */
export async function beginBlob(
  paths: Paths,
  expected?: Expected,
  partial?: PartialBlob,
): Promise<BlobWriter> {
  await mkdir(paths.ingest, { recursive: true, mode: 0o700 });
  const unique = join(paths.ingest, uniqueName());
  const path = partial?.path ?? unique;
  const file = await open(path, partial === undefined ? "wx" : "a", 0o600);
  let known = partial?.size ?? 0;
  const hasher = new Bun.CryptoHasher("sha256");
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let size = 0;
  let finished = false;
  let writing = Promise.resolve();
  // One batch is written while the next is gathered and hashed. What goes wrong comes out of the next flush, or of `finish`.
  const flush = async (): Promise<void> => {
    await writing;
    const batch = held;
    held = [];
    heldBytes = 0;
    writing = writeAll(file, batch);
    writing.catch(() => undefined);
  };
  return {
    async write(chunk) {
      size += chunk.length;
      if (expected !== undefined && size > expected.size) throw wrongSize(expected, size);
      hasher.update(chunk);
      const fresh = chunk.subarray(Math.min(known, chunk.length));
      known -= chunk.length - fresh.length;
      held.push(fresh);
      heldBytes += fresh.length;
      if (heldBytes >= BATCH) await flush();
    },
    async finish({ flush: durable = true } = {}) {
      const digest = digestOfHex(hasher.digest("hex"));
      if (expected !== undefined) verify(expected, { digest, size });
      await flush();
      await writing;
      if (durable) await file.sync().catch(diskFull(path));
      await file.close();
      if (partial !== undefined) await rename(path, unique);
      finished = true;
      return { digest, size, path: unique };
    },
    async [Symbol.asyncDispose]() {
      if (finished) return;
      // Why it was not finished is known already; of a partial one stays as much as could be written.
      if (partial !== undefined) await flush().catch(() => undefined);
      await writing.catch(() => undefined);
      await file.close();
      if (partial === undefined) await rm(path, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  if (chunks.length === 0) return;
  const { bytesWritten } = await file.writev([...chunks]).catch(diskFull("a blob"));
  let left = bytesWritten;
  for (const chunk of chunks) {
    // A write may end before all of it is written: write(2).
    for (let done = Math.min(left, chunk.length); done < chunk.length; )
      done += (await file.write(chunk, done).catch(diskFull("a blob"))).bytesWritten;
    left = Math.max(left - chunk.length, 0);
  }
}

function verify(expected: Expected, found: Expected): void {
  if (found.size !== expected.size) throw wrongSize(expected, found.size);
  if (found.digest === expected.digest) return;
  throw new FathomError(
    "invalid",
    `content that should be ${expected.digest} is ${found.digest}: it was changed on the way`,
  );
}

function wrongSize(expected: Expected, size: number): FathomError {
  const found = size > expected.size ? "more" : `only ${size}`;
  return new FathomError(
    "invalid",
    `blob ${expected.digest} should have ${expected.size} bytes and has ${found}`,
  );
}

/**
 * Brings blobs to disk that were published before they were there. Until then a power failure may leave one that is shorter than it
 * should be, never one of the right size with other content: file systems move a file's end as its bytes arrive. So whoever reads the
 * index afterwards tells them by their size (_catalog.ts).
 */
export async function flushBlobs(paths: Paths, digests: readonly Digest[]): Promise<void> {
  for (const digest of digests) {
    const file = await open(blobPath(paths, digest), "r").catch(ifAbsent(undefined));
    await file?.datasync().finally(() => file.close());
  }
}

/** Brings pending blobs to disk that were finished without. @throws {FathomError} unavailable, when the disk is full */
export async function flushPending(blobs: readonly PendingBlob[]): Promise<void> {
  await settleAll(blobs.map(({ path }) => flushFile(path)));
}

async function flushFile(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.datasync().catch(diskFull(path));
}

/** Makes a pending blob visible. One of that digest that is there already has the same content. */
export async function publishBlob(paths: Paths, blob: PendingBlob): Promise<void> {
  await rename(blob.path, blobPath(paths, blob.digest));
}

/** Writes small content: a manifest, a configuration. */
export async function putBlob(paths: Paths, content: string | Uint8Array): Promise<Expected> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const digest = digestOf(bytes);
  await writeDurably(paths, { path: blobPath(paths, digest), content: bytes });
  return { digest, size: bytes.length };
}

/** Reads small content and verifies it. @throws {FathomError} internal, when it is missing or damaged */
export async function readBlob(paths: Paths, digest: Digest): Promise<string> {
  const path = blobPath(paths, digest);
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (cause) {
    throw new FathomError("internal", `blob ${digest} cannot be read: ${path} is missing or unreadable`, {
      cause,
    });
  }
  if (digestOf(content) !== digest) {
    throw new FathomError("internal", `blob ${digest} is damaged: ${path} has other content`);
  }
  return content.toString();
}

/** A file to be written, and the directories whose names are to be on disk before its own is. */
export interface DurableFile {
  path: string;
  content: string | Uint8Array;
  after?: readonly string[];
}

/**
 * Replaces a file as a whole: whoever reads it sees the old content or the new. What can be flushed at the same time is: a journal
 * commits once for all who wait for it.
 */
export async function writeDurably(paths: Paths, { path, content, after = [] }: DurableFile): Promise<void> {
  await mkdir(paths.ingest, { recursive: true, mode: 0o700 });
  const temporary = join(paths.ingest, uniqueName());
  try {
    await using file = await open(temporary, "wx", 0o600);
    await file.writeFile(content);
    await settleAll([file.sync(), ...after.map(syncDirectory)]);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskFullError(error, path);
  }
}

/** Flushes the names in a directory, so that a rename outlasts a power failure. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}

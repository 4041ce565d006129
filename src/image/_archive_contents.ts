/**
 * Reads an archive of images as it arrives: its layers are handed on as they come, its documents kept until it is known what they are
 * for, which may be at the very end.
 *
 * What a file is, its first bytes say: layers and documents are found by what they hold, so that a layout nobody has thought of yet
 * is read as well. Memory is bounded by the bounds below.
 */

import { digestOf, digestOfHex, isDigest } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import type { ArchiveEntry } from "../std/tar/entries.ts";
import { tarEntries } from "../std/tar/entries.ts";
import { type TarEntry, tarNameText } from "../std/tar/entry.ts";
import { decompressed, detect } from "./_decompress.ts";
import { byteString, normalise } from "./_names.ts";
import { leavesRoot, refused } from "./_refusals.ts";
import { isLayerStart, LAYER_START } from "./_sniff.ts";
import type { ArrivedLayer } from "./adopt.ts";

/** What an archive of images holds, by the normalised names of its files. */
export interface ArchiveContents {
  documents: ReadonlyMap<string, Uint8Array>;
  /** What each layer is stored as; staged, or in the store before. */
  layers: ReadonlyMap<string, ArrivedLayer>;
  /** Where links lead. */
  links: ReadonlyMap<string, string>;
}

/** Takes a layer of the archive to where it is kept; `named` is the digest that its name says, of bytes as they come. */
export type TakeLayer = (
  layer: ArchiveEntry & { name: string; named: Digest | undefined },
) => Promise<ArrivedLayer>;

const MOST_FILES = 100_000;
const LARGEST_DOCUMENT = 4 * 1024 * 1024;
const LARGEST_DOCUMENTS = 64 * 1024 * 1024;

interface Reading {
  take: TakeLayer;
  documents: Map<string, Uint8Array>;
  documentBytes: number;
  layers: Map<string, ArrivedLayer>;
  links: Map<string, string>;
}

/** @throws {FathomError} invalid, naming the entry that is wrong; and what `take` throws */
export async function readContents(
  archive: AsyncIterable<Uint8Array>,
  take: TakeLayer,
): Promise<ArchiveContents> {
  const reading: Reading = {
    take,
    documents: new Map(),
    documentBytes: 0,
    layers: new Map(),
    links: new Map(),
  };
  const { compression, source } = await detect(archive);
  let files = 0;
  for await (const one of tarEntries(decompressed(source, compression))) {
    files += 1;
    if (files > MOST_FILES) throw refused(one.entry, `is more than the ${MOST_FILES} files that are taken`);
    await readEntry(reading, one);
  }
  return reading;
}

async function readEntry(reading: Reading, one: ArchiveEntry): Promise<void> {
  const { entry } = one;
  const name = nameOf(entry);
  switch (entry.type) {
    case "directory":
      return;
    case "file":
      return readFile(reading, one, name);
    case "symlink":
      reading.links.set(name, besides(entry, name));
      return;
    case "link":
      reading.links.set(name, targetOf(entry, tarNameText(entry.linkPath)));
      return;
    case "character":
    case "block":
    case "fifo":
      throw refused(entry, `is a ${entry.type} device or pipe, which has no place among images`);
  }
}

function nameOf(entry: TarEntry): string {
  const name = normalise(byteString(entry.path));
  if (name === undefined) throw leavesRoot(entry);
  return Buffer.from(name, "latin1").toString();
}

/** Where a symbolic link leads, seen from its own directory. */
function besides(entry: TarEntry, name: string): string {
  const directory = name.slice(0, name.lastIndexOf("/") + 1);
  return targetOf(entry, directory + tarNameText(entry.linkPath));
}

function targetOf(entry: TarEntry, target: string): string {
  const found = normalise(target);
  if (found === undefined || tarNameText(entry.linkPath).startsWith("/"))
    throw refused(
      entry,
      `is a link to ${JSON.stringify(tarNameText(entry.linkPath))}, outside of the archive`,
    );
  return found;
}

async function readFile(reading: Reading, { entry, content }: ArchiveEntry, name: string): Promise<void> {
  const { start, source } = await peek(content, LAYER_START);
  if (isLayerStart(start)) {
    const layer = { entry, content: source, name, named: digestIn(name) };
    reading.layers.set(name, await reading.take(layer));
  } else if (isDocument(name, start)) await readDocument(reading, { entry, content: source }, name);
}

/** By its name or, as in an OCI layout names say nothing, by its first character. What is neither is passed over. */
function isDocument(name: string, start: Uint8Array): boolean {
  const first = Buffer.from(start).toString("latin1").trimStart().charAt(0);
  return first === "{" || first === "[" || name.endsWith(".json");
}

async function readDocument(reading: Reading, { entry, content }: ArchiveEntry, name: string): Promise<void> {
  reading.documentBytes += entry.size;
  if (entry.size > LARGEST_DOCUMENT || reading.documentBytes > LARGEST_DOCUMENTS)
    throw refused(entry, `is ${entry.size} bytes of JSON, more than an image needs`);
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  const named = digestIn(name);
  if (named !== undefined && digestOf(whole) !== named)
    throw refused(entry, `does not have the content that its name says: it has ${digestOf(whole)}`);
  reading.documents.set(name, whole);
}

/** In an OCI layout a blob is named by its digest. */
function digestIn(name: string): Digest | undefined {
  const hex = /^blobs\/sha256\/([^/]+)$/.exec(name)?.[1];
  if (hex === undefined) return undefined;
  const digest = digestOfHex(hex);
  return isDigest(digest) ? digest : undefined;
}

/** The first bytes of a stream, and all of it. */
async function peek(
  content: AsyncIterable<Uint8Array>,
  wanted: number,
): Promise<{ start: Uint8Array; source: AsyncIterable<Uint8Array> }> {
  const pieces = content[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  for (let length = 0; length < wanted; ) {
    const next = await pieces.next();
    if (next.done === true) break;
    seen.push(next.value);
    length += next.value.length;
  }
  const start = seen.length === 1 ? seen[0] : Buffer.concat(seen);
  const source = async function* (): AsyncGenerator<Uint8Array, void> {
    yield* seen;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
  };
  return { start: start ?? new Uint8Array(0), source: source() };
}

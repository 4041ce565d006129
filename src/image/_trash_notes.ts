/**
 * Notes of images that were pruned and wait: `images/trash/<id>.json`, what index.json had of an image. Its blobs and layers stay where they
 * are.
 *
 * A note is on disk before index.json loses the image, and goes after it has it again: one of images that are all in the index was left
 * by a crash, and means nothing.
 */

import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor, Digest } from "../spec/oci_image.ts";
import { ifAbsent } from "../std/absent.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { syncDirectory, writeDurably } from "./_blobs.ts";
import { type Catalog, catalogOf, type Image } from "./_catalog.ts";
import type { Paths } from "./_paths.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

/** What a note holds. */
export interface Note {
  /** The image's ID. */
  image: Digest;
  /** Its entries of index.json. */
  manifests: Descriptor[];
  bytes: number;
  at: string;
  reason: string;
}

/** Writes the note of an image that is about to lose its place in the index. */
export async function noteTrashed(
  store: ImageStore,
  { index, images }: Catalog,
  trashed: { image: Digest; bytes: number; reason: string },
): Promise<void> {
  const manifests = index.manifests.filter(({ digest }) => images.get(digest)?.id === trashed.image);
  const note: Note = { ...trashed, manifests, at: rfc3339(wallClock()) };
  await mkdir(store.paths.trash, { recursive: true, mode: 0o700 });
  const path = notePath(store.paths, randomBytes(6).toString("hex"));
  await writeDurably(store.paths, { path, content: `${JSON.stringify(note, null, 2)}\n` });
  await syncDirectory(store.paths.trash);
}

/** The images that notes are of: what they are made of stays. */
export async function trashedImages(store: ImageStore): Promise<Image[]> {
  const notes = await readNotes(store.paths);
  if (notes.length === 0) return [];
  const { index, images } = await currentCatalog(store);
  const manifests = notes.flatMap(({ note }) => note.manifests);
  return [
    ...(await catalogOf({ ...index, manifests }, { paths: store.paths, known: images })).images.values(),
  ];
}

/** Takes notes away that a crash has left of images that are in the index. */
export async function recoverTrash(store: ImageStore): Promise<void> {
  const { images } = await currentCatalog(store);
  for (const { id, note } of await readNotes(store.paths))
    if (note.manifests.every(({ digest }) => images.has(digest)))
      await rm(notePath(store.paths, id), { force: true });
}

export async function readNotes(paths: Paths): Promise<{ id: string; note: Note }[]> {
  const names = await readdir(paths.trash).catch(ifAbsent([]));
  const ids = names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
  const notes = await Promise.all(ids.map(async (id) => ({ id, note: await readNote(paths, id) })));
  return notes.flatMap(({ id, note }) => (note === undefined ? [] : [{ id, note }]));
}

const ID = /^[0-9a-f]{12}$/;

export async function readNote(paths: Paths, id: string): Promise<Note | undefined> {
  if (!ID.test(id)) return undefined;
  const text = await readFile(notePath(paths, id), "utf8").catch(ifAbsent(undefined));
  return text === undefined ? undefined : (JSON.parse(text) as Note);
}

export const notePath = (paths: Paths, id: string): string => join(paths.trash, `${id}.json`);

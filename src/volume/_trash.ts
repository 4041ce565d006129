/**
 * Volumes that were removed and wait: `.trash/<id>/`, a volume's directory with a note beside its files.
 *
 * The note is on disk before the rename that takes the volume away, and goes after the one that brings it back: a note in a volume that
 * is in its place is one of a step that a crash cut short, and means nothing.
 */

import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrashItem } from "../spec/trash.ts";
import { codeOf, ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { hideDirectory, readVolume, TRASH, type VolumeRecord } from "./_record.ts";

const NOTE = "trash.json";

/** The note. */
interface Note {
  at: string;
  bytes: number;
  reason: string;
}

export async function moveToTrash(root: string, name: string, note: Note): Promise<void> {
  const trash = join(root, TRASH);
  await mkdir(trash, { recursive: true, mode: 0o700 });
  const path = join(root, name, NOTE);
  await writeFile(path, `${JSON.stringify(note)}\n`, { mode: 0o600, flush: true });
  await rename(join(root, name), join(trash, randomBytes(6).toString("hex")));
  await sync(root);
}

/** Whatever cannot be read is left alone, and not shown. */
export async function readTrash(root: string): Promise<TrashItem[]> {
  const ids = await readdir(join(root, TRASH)).catch(ifAbsent([]));
  const items = await Promise.all(ids.map((id) => itemOf(root, id)));
  return items.filter((item) => item !== undefined);
}

async function itemOf(root: string, id: string): Promise<TrashItem | undefined> {
  const text = await readFile(join(root, TRASH, id, NOTE), "utf8").catch(ifAbsent(undefined));
  const record = await readVolume(join(root, TRASH), id, () => undefined);
  if (text === undefined || record === undefined) return undefined;
  const { at, bytes, reason } = JSON.parse(text) as Note;
  return { ID: id, Type: "volume", Names: [record.Name], Bytes: bytes, RemovedAt: at, Reason: reason };
}

const ID = /^[0-9a-f]{12}$/;

/** Brings a volume back under its name. @throws {FathomError} not-found; conflict, where another volume has the name */
export async function takeFromTrash(root: string, id: string): Promise<VolumeRecord> {
  const from = join(root, TRASH, id);
  const record = ID.test(id) ? await readVolume(join(root, TRASH), id, () => undefined) : undefined;
  if (record === undefined) throw new FathomError("not-found", `there is no volume ${id} in the trash`);
  const to = join(root, record.Name);
  await rename(from, to).catch((cause) => {
    if (codeOf(cause) !== "ENOTEMPTY" && codeOf(cause) !== "EEXIST") throw cause;
    throw new FathomError(
      "conflict",
      `volume ${record.Name} cannot be restored: there is another of that name: rename or remove that first`,
      { cause },
    );
  });
  await removeIfEmpty(join(root, TRASH));
  await sync(root);
  await forgetNote(root, record.Name);
  return record;
}

/** For a volume that is in its place. */
export async function forgetNote(root: string, name: string): Promise<void> {
  await rm(join(root, name, NOTE), { force: true });
}

/** Takes one out of sight and gives the directory that is left to delete; undefined when it is gone. */
export async function hideTrashed(root: string, id: string): Promise<string | undefined> {
  if (!ID.test(id)) return undefined;
  const gone = await hideDirectory(root, join(TRASH, id)).catch(ifAbsent(undefined));
  await removeIfEmpty(join(root, TRASH));
  return gone;
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "ENOENT") throw error;
  });
}

async function sync(path: string): Promise<void> {
  const directory = await open(path);
  await directory.sync().finally(() => directory.close());
}

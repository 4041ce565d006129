/** Images that were pruned and wait: showing them, bringing them back, deleting them for good. */

import { rm } from "node:fs/promises";
import { familiarText, parseReference } from "../spec/reference.ts";
import type { Restored, TrashItem } from "../spec/trash.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { collect } from "./_collect.ts";
import { imageEvent } from "./_events.ts";
import { referenceOf, withManifest, withReference } from "./_index.ts";
import { type Note, notePath, readNote, readNotes } from "./_trash_notes.ts";
import { currentCatalog, type ImageStore, replaceIndex, settleImages } from "./store.ts";

export async function listTrash(store: ImageStore): Promise<TrashItem[]> {
  return (await readNotes(store.paths)).map(({ id, note }) => ({
    ID: id,
    Type: "image",
    Names: referencesIn(note).map((reference) => familiarText(parseReference(reference))),
    Bytes: note.bytes,
    RemovedAt: note.at,
    Reason: note.reason,
  }));
}

/** Brings an image back with its names, but for those that another has by now. @throws {FathomError} not-found */
export async function restoreImage(store: ImageStore, id: string): Promise<Restored> {
  const restored = await store.exclusive(async () => {
    const note = await readNote(store.paths, id);
    if (note === undefined) throw new FathomError("not-found", `there is no image ${id} in the trash`);
    const { index, byReference } = await currentCatalog(store);
    const isTaken = (reference: string) => byReference.has(reference);
    const names = referencesIn(note);
    const back = note.manifests.reduce((before, descriptor) => {
      const reference = referenceOf(descriptor);
      if (reference === undefined || isTaken(reference)) return withManifest(before, descriptor);
      return withReference(before, descriptor, { reference, at: rfc3339(wallClock()) });
    }, index);
    const { byId } = await replaceIndex(store, back);
    await rm(notePath(store.paths, id), { force: true });
    return {
      image: byId.get(note.image),
      names: names.filter((one) => !isTaken(one)),
      taken: names.filter(isTaken),
    };
  });
  const familiar = (reference: string) => familiarText(parseReference(reference));
  const { image } = restored;
  if (image !== undefined)
    for (const name of restored.names) store.emit(imageEvent("tag", image, familiar(name)));
  return { Type: "image", Names: restored.names.map(familiar), Taken: restored.taken.map(familiar) };
}

/** Deletes what waits for good, as far as nothing else needs it, and resolves when its room is free. */
export async function eraseTrashed(store: ImageStore, ids: readonly string[]): Promise<void> {
  await store.exclusive(async () => {
    for (const id of ids) await rm(notePath(store.paths, id), { force: true });
    await collect(store);
  });
  await settleImages(store);
}

function referencesIn({ manifests }: Note): string[] {
  return manifests.map(referenceOf).filter((reference) => reference !== undefined);
}

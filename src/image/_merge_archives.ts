/** Layers that are archives, merged into one archive: a pass that reads names, a plan, and a pass that copies what is seen. */

import type { Digest } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import type { TarEntry } from "../std/tar/entry.ts";
import { tarReader } from "../std/tar/reader.ts";
import { entryHeader, tarEnd, tarPadding } from "../std/tar/writer.ts";
import { archiveTree } from "./_archive_tree.ts";
import { emptyEntry, linkEntry } from "./_entry.ts";
import { type MergePlan, mergeTrees } from "./_merge_trees.ts";
import { byteString, cutPath, normalise } from "./_names.ts";
import { refused } from "./_refusals.ts";
import { OPAQUE, PREFIX } from "./_whiteout.ts";

/** A layer that can be read more than once. */
export interface ReadableLayer {
  diffId: Digest;
  /** The archive, decompressed. */
  open(): AsyncIterable<Uint8Array>;
}

/**
 * @param merged bottom first, as `kept` is
 * @param room bytes that may come of it
 * @throws {FathomError} invalid, naming the entry that is wrong, or a layer that is not what its diff ID says
 */
export async function* mergeArchives(
  merged: readonly ReadableLayer[],
  kept: readonly ReadableLayer[],
  room: number,
): AsyncGenerator<Uint8Array, void> {
  const plan = mergeTrees(await treesOf(merged));
  const left = { room };
  for (const [at, layer] of merged.entries()) yield* seenOf(layer, plan.seen[at] ?? new Map(), left);
  yield* marks(plan, await heldBelow(kept, new Set([...plan.whiteouts, ...plan.opaque])));
  yield tarEnd();
}

async function treesOf(layers: readonly ReadableLayer[]) {
  const count = { entries: 0 };
  const roots = [];
  for (const layer of layers) {
    const tree = archiveTree(count);
    const hasher = new Bun.CryptoHasher("sha256");
    const reader = tarReader({ entry: tree.add, data: () => undefined, end: () => undefined });
    for await (const chunk of layer.open()) {
      hasher.update(chunk);
      reader.push(chunk);
    }
    reader.finish();
    const found = `sha256:${hasher.digest("hex")}`;
    if (found !== layer.diffId)
      throw new FathomError(
        "invalid",
        `the archive is refused: a layer of it is ${found}, and the image's configuration says ${layer.diffId}`,
      );
    roots.push(tree.root);
  }
  return roots;
}

/** Zeros for holes: a layer that is written anew has none. */
const ZEROS = new Uint8Array(1024 * 1024);

/** The entries of a layer that are seen, each by its first name with its content and by others as links to that. */
async function* seenOf(
  layer: ReadableLayer,
  seen: ReadonlyMap<number, readonly string[]>,
  left: { room: number },
): AsyncGenerator<Uint8Array, void> {
  let pieces: Uint8Array[] = [];
  let number = -1;
  let file: { entry: TarEntry; at: number; links: Uint8Array[] } | undefined;
  const zeros = (count: number): void => {
    for (let done = 0; done < count; done += ZEROS.length)
      pieces.push(ZEROS.subarray(0, Math.min(ZEROS.length, count - done)));
  };
  const reader = tarReader({
    entry(entry) {
      number += 1;
      const [first, ...others] = seen.get(number) ?? [];
      if (first === undefined) return;
      left.room -= entry.size;
      if (left.room < 0)
        throw refused(entry, `of ${entry.size} bytes has no room on the disk for temporary files (TMPDIR)`);
      const own = { ...entry, path: namePath(first, entry), mode: entry.mode & 0o7777 };
      pieces.push(entryHeader(own));
      const links = others.map((name) => entryHeader(linkEntry({ ...own, path: bytesOf(name) }, first)));
      file = { entry, at: 0, links };
    },
    data(bytes, offset) {
      if (file === undefined) return;
      zeros(offset - file.at);
      pieces.push(bytes);
      file.at = offset + bytes.length;
    },
    end() {
      if (file === undefined) return;
      zeros(file.entry.size - file.at);
      pieces.push(tarPadding(file.entry.size), ...file.links);
      file = undefined;
    },
  });
  for await (const chunk of layer.open()) {
    reader.push(chunk);
    yield* pieces;
    pieces = [];
  }
  reader.finish();
  yield* pieces;
}

function namePath(name: string, { type }: TarEntry): Uint8Array {
  return bytesOf(type === "directory" ? `${name}/` : name);
}

function bytesOf(name: string): Uint8Array {
  return Buffer.from(name, "latin1");
}

/** Which of the names layers have something at, or below. */
async function heldBelow(
  layers: readonly ReadableLayer[],
  names: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  if (names.size === 0) return held;
  const note = ({ path }: TarEntry): void => {
    for (let name = normalise(byteString(path)) ?? ""; name !== ""; name = cutPath(name).parent)
      if (names.has(name)) held.add(name);
  };
  for (const layer of layers) {
    const reader = tarReader({ entry: note, data: () => undefined, end: () => undefined });
    for await (const chunk of layer.open()) reader.push(chunk);
    reader.finish();
  }
  return held;
}

function* marks({ whiteouts, opaque }: MergePlan, held: ReadonlySet<string>): Generator<Uint8Array, void> {
  for (const path of whiteouts.filter((one) => held.has(one))) {
    const { parent, name } = cutPath(path);
    yield entryHeader(emptyEntry(parent === "" ? PREFIX + name : `${parent}/${PREFIX}${name}`));
  }
  for (const path of opaque.filter((one) => held.has(one)))
    yield entryHeader(emptyEntry(`${path}/${OPAQUE}`));
}

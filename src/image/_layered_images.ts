/** For the tests of squashing: images of several layers, what is seen of them through overlay, and layers made at random. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { unmount } from "../kernel/mod.ts";
import type { Digest } from "../spec/oci_image.ts";
import { describeTree, streamOf, type TarFields, tarOf } from "./_fixtures.ts";
import { configOf, dockerArchive } from "./_image_archives.ts";
import { inspectImage, loadImages, mountImage } from "./mod.ts";
import type { ImageStore } from "./store.ts";

/** An archive of one image `layered` with these layers, bottom first. */
export function layeredArchive(layers: readonly (readonly TarFields[])[], more: object = {}): Buffer {
  const archives = layers.map((entries) => tarOf(...entries));
  return dockerArchive([{ config: configOf(archives, more), layers: archives, tags: ["layered:latest"] }]);
}

export async function load(store: ImageStore, archive: Uint8Array): Promise<void> {
  await loadImages(store, streamOf(archive, 65_536), { quiet: true, tell: () => undefined });
}

/** Everything that is seen of an image when it is mounted; how many names a file has in its layer is not. */
export async function seenOf(store: ImageStore, name: string, root: string): Promise<string[]> {
  const { Id } = await inspectImage(store, name);
  const target = join(root, "seen");
  await mkdir(target, { recursive: true });
  await mountImage(store, Id as Digest, target);
  try {
    return (await describeTree(target)).map((line) =>
      line.replace(/ (nlink|blocks)=\d+/g, "").replace(/^(\S+)( .*) sameAs=\1$/, "$1$2"),
    );
  } finally {
    unmount(target);
  }
}

/** Numbers below `most`, the same for the same seed (a linear congruential generator with the constants of Numerical Recipes). */
export function randomNumbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

/** A layer over the few names that others have too, so that they hide, replace and whiteout each other. */
export function randomLayer(random: (most: number) => number): TarFields[] {
  const known = new Map<string, TarFields>();
  const pick = () => "abc".charAt(random(3));
  for (let count = 3 + random(8); count > 0; count -= 1) {
    const parts = Array.from({ length: 1 + random(3) }, pick);
    const parents = parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join("/"));
    if (parents.some((parent) => known.has(parent) && known.get(parent)?.type !== "5")) continue;
    const path = parts.join("/");
    if ([...known.keys()].some((other) => other === path || other.startsWith(`${path}/`))) continue;
    for (const parent of parents)
      if (!known.has(parent)) known.set(parent, { name: parent, type: "5", mode: 0o700 + random(64) });
    const entry = randomEntry(random, {
      parts,
      files: [...known.values()].filter(({ type }) => type === "0"),
    });
    known.set(entry.name === path ? path : `${path}\0`, entry);
  }
  return [...known.values()].map((entry) =>
    entry.type === "5" ? { ...entry, name: `${entry.name}/` } : entry,
  );
}

function randomEntry(
  random: (most: number) => number,
  { parts, files }: { parts: string[]; files: TarFields[] },
): TarFields {
  const name = parts.join("/");
  const last = parts.at(-1) ?? "";
  const file = files[random(files.length)];
  switch (random(8)) {
    case 0:
    case 1:
      return { name: [...parts.slice(0, -1), `.wh.${last}`].join("/"), content: "" };
    case 2:
      return { name: [...parts.slice(0, -1), ".wh..wh..opq"].join("/"), content: "" };
    case 3:
      return { name, type: "5", mode: 0o700 + random(64) };
    case 4:
      return { name, type: "2", link: "b/c" };
    case 5:
      return file === undefined
        ? { name, type: "3", device: [1, 3 + random(5)], mode: 0o666 }
        : { name, type: "1", link: file.name };
    default:
      return {
        name,
        type: "0",
        content: `${name} ${random(1000)}`,
        mode: 0o600 + random(64),
        uid: random(3),
      };
  }
}

/** Why an image takes the room it takes, and what would take less: read where its layers are unpacked. */

import { S } from "../kernel/mod.ts";
import type { WhyBig } from "../spec/image_layers.ts";
import { pace } from "../std/pace.ts";
import { type Candidate, duplicatesAmong, SMALLEST_DUPLICATE } from "./_duplicates.ts";
import { type HeldImage, holdImage, topFirst } from "./_held_image.ts";
import { layerLines } from "./_lines.ts";
import { mergedFiles } from "./_merge.ts";
import { packageCacheOf } from "./_package_caches.ts";
import { mendOf, unseenIn } from "./_unseen.ts";
import type { ImageStore } from "./store.ts";

/** @throws {FathomError} not-found, invalid */
export async function whyBig(store: ImageStore, name: string): Promise<WhyBig> {
  using held = await holdImage(store, name);
  const { image } = held;
  const lines = layerLines(image.config);
  const { layers, hidings } = await unseenIn(held);
  const { caches, candidates } = await seenIn(held);
  const lineOf = (layer: number) => lines[layer]?.Line ?? 0;
  return {
    Id: image.id,
    Size: image.size,
    Layers: lines.map((line, at) => ({
      ...line,
      Size: image.layerSizes[at] ?? 0,
      Files: layers[at]?.files ?? 0,
      Unseen: layers[at]?.unseen ?? 0,
    })),
    Unseen: hidings
      .filter(({ bytes }) => bytes > 0)
      .map((hiding) => ({
        Written: lineOf(hiding.written),
        Hidden: lineOf(hiding.hidden),
        Bytes: hiding.bytes,
        Files: hiding.files,
        Largest: hiding.largest.path,
        Mend: mendOf(hiding, lines),
      })),
    Caches: caches
      .map(({ layer, ...cache }) => ({ ...cache, Line: lineOf(layer) }))
      .sort((a, b) => b.Bytes - a.Bytes),
    Duplicates: await duplicatesAmong(candidates),
    SquashSaves: layers.reduce((sum, { unseen }) => sum + unseen, 0),
  };
}

type Cache = Omit<WhyBig["Caches"][number], "Line"> & { layer: number };

/** What is seen of the image: caches by the layer that brought them, and files large enough to be looked at for copies. */
async function seenIn({ roots, layerOf }: HeldImage): Promise<{ caches: Cache[]; candidates: Candidate[] }> {
  const caches = new Map<string, Cache>();
  const candidates: Candidate[] = [];
  const links = new Set<string>();
  const clock = pace();
  for (const { path, file } of mergedFiles(topFirst(roots), [])) {
    if (clock.isDue()) await clock.pause();
    if (file === undefined || (file.facts.mode & S.IFMT) !== S.IFREG) continue;
    const { size, nlink, dev, ino } = file.facts;
    if (nlink > 1 && links.has(`${dev}:${ino}`)) continue;
    if (nlink > 1) links.add(`${dev}:${ino}`);
    if (size >= SMALLEST_DUPLICATE) candidates.push({ path, file: file.at.name, size });
    const cache = packageCacheOf(path);
    if (cache === undefined || size === 0) continue;
    const layer = layerOf(file.at.name);
    const key = `${layer} ${cache.what}`;
    const sum = caches.get(key) ?? { What: cache.what, layer, Bytes: 0, Files: 0, Mend: cache.mend };
    caches.set(key, { ...sum, Bytes: sum.Bytes + size, Files: sum.Files + 1 });
  }
  return { caches: [...caches.values()], candidates };
}

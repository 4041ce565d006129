/** How much room images take: every number is in memory since the image was read, for none of them can change. */

import type { ImageSummary } from "../spec/docker.ts";
import type { Digest } from "../spec/oci_image.ts";
import { type Catalog, layerSize } from "./_catalog.ts";
import { listImages } from "./images.ts";
import { layersInUse } from "./snapshots.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

/** Every image with the bytes it shares with others and the number of its containers, and the bytes of all layers. */
export async function imageUsage(store: ImageStore): Promise<{ images: ImageSummary[]; layersSize: number }> {
  const catalog = await currentCatalog(store);
  const rows = await listImages(store, { filters: {}, sharedSize: true });
  return {
    images: rows.map((row) => ({ ...row, Containers: store.usersOf(row.Id as Digest).length })),
    layersSize: await sizeOfAll(store, catalog),
  };
}

/** Layers that only a container stands on any more count as well. */
async function sizeOfAll(store: ImageStore, catalog: Catalog): Promise<number> {
  const sizes = new Map<Digest, number>();
  for (const image of catalog.byId.values())
    for (const [at, chainId] of image.chain.entries()) sizes.set(chainId, image.layerSizes[at] ?? 0);
  for (const chainId of await layersInUse(store))
    if (!sizes.has(chainId)) sizes.set(chainId, await layerSize(store.paths, chainId));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/**
 * Removes what nothing needs: blobs that no manifest names, layers that neither an image nor a snapshot stands on.
 *
 * Run by whoever has just taken a name away, or has failed to give one, while the store is locked.
 */

import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOfHex, isDigest } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import { ifAbsent } from "../std/absent.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { sweepPartials } from "./_partial.ts";
import { blobPath, isOurs, layerPath, uniqueName } from "./_paths.ts";
import { recoverTrash, trashedImages } from "./_trash_notes.ts";
import { layersInUse } from "./snapshots.ts";
import { currentCatalog, type ImageStore, inBackground } from "./store.ts";

/** Gives the chain IDs of the layers removed. */
export async function collect(store: ImageStore): Promise<Digest[]> {
  const { blobs, layers } = await unneeded(store);
  if (blobs.length > 0) await mkdir(store.paths.ingest, { recursive: true, mode: 0o700 });
  await Promise.all(blobs.map((digest) => removeBlob(store, digest)));
  await Promise.all(layers.map((chainId) => removeLayer(store, chainId)));
  return layers;
}

/** What neither an image, nor one in the trash, nor a snapshot or a lease needs. Only while the store is locked. */
export async function unneeded(store: ImageStore): Promise<{ blobs: Digest[]; layers: Digest[] }> {
  const catalog = await currentCatalog(store);
  const images = [...catalog.images.values(), ...(await trashedImages(store))];
  return { blobs: await unneededBlobs(store, catalog, images), layers: await unneededLayers(store, images) };
}

async function unneededBlobs(
  store: ImageStore,
  catalog: Catalog,
  images: readonly Image[],
): Promise<Digest[]> {
  // What a descriptor that cannot be read needs is not known: nothing is taken away from it.
  if (catalog.index.manifests.some(({ digest }) => !catalog.images.has(digest))) return [];
  const needed = new Set([...store.leases.keys(), ...images.flatMap(blobsOf)]);
  return (await digestsIn(store.paths.blobs)).filter((digest) => !needed.has(digest));
}

function blobsOf({ descriptor, manifest }: Image): Digest[] {
  return [descriptor.digest, manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)];
}

async function unneededLayers(store: ImageStore, images: readonly Image[]): Promise<Digest[]> {
  const present = await digestsIn(store.paths.layers);
  const needed = await layersInUse(store);
  for (const held of store.leases.keys()) needed.add(held);
  for (const { chain } of images) for (const chainId of chain) needed.add(chainId);
  return present.filter((chainId) => !needed.has(chainId));
}

/** Out of sight in one step; freeing a gigabyte takes a file system a tenth of a second. */
async function removeBlob(store: ImageStore, digest: Digest): Promise<void> {
  const out = join(store.paths.ingest, uniqueName());
  await rename(blobPath(store.paths, digest), out);
  inBackground(store, rm(out));
}

/** Out of sight in one step; deleting its files takes as long as it takes. */
async function removeLayer(store: ImageStore, chainId: Digest): Promise<void> {
  const out = join(store.paths.layerIngest, uniqueName());
  await rename(layerPath(store.paths, chainId), out);
  store.parents.delete(chainId);
  inBackground(store, store.driver.removeLayer(out));
}

async function digestsIn(directory: string): Promise<Digest[]> {
  return (await namesIn(directory)).map(digestOfHex).filter(isDigest);
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(ifAbsent([]));
}

/**
 * Repairs what a killed process left: unfinished files and layers, and what it had made but not yet named. To be run once,
 * when the daemon starts; others may use the store meanwhile.
 */
export async function recoverImages(store: ImageStore): Promise<void> {
  const left = async (directory: string) =>
    (await namesIn(directory)).filter((name) => !isOurs(name)).map((name) => join(directory, name));
  const [blobs, layers] = await Promise.all([left(store.paths.ingest), left(store.paths.layerIngest)]);
  await Promise.all(blobs.map((path) => rm(path, { recursive: true, force: true })));
  await Promise.all(layers.map((path) => store.driver.removeLayer(path)));
  await sweepPartials(store.paths);
  await store.exclusive(async () => {
    await recoverTrash(store);
    await collect(store);
  });
}

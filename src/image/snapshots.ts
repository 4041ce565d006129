/**
 * Snapshots of containers: which layers they stand on, and their lifecycle through the driver.
 *
 * What a snapshot stands on is one link on disk, `containers/ID/parent -> ../../layers/CHAIN`, made in one step; a layer's own
 * `parent` is a link too. Layers that a snapshot stands on stay, even when its image is removed by force.
 */

import { mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { readFileInRoot } from "../kernel/mod.ts";
import { digestOfHex, hexOf } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { codeOf, ifAbsent, isAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { layerSize } from "./_catalog.ts";
import { readIdMaps, writeIdMaps } from "./_id_maps.ts";
import { layerPath, uniqueName } from "./_paths.ts";
import type { PrepareOptions, Snapshot } from "./driver.ts";
import { currentCatalog, type ImageStore, inBackground } from "./store.ts";

/** Name of the link to what is below, of containers and of layers. */
export const PARENT = "parent";
/** Files of an image that are read whole: passwd, group. */
const LARGEST_READ = 4 * 1024 * 1024;

/** Makes a container's snapshot, not mounted yet. @throws {FathomError} not-found, when there is no such image any more */
export async function prepareSnapshot(
  store: ImageStore,
  { container, image }: { container: string; image: Digest },
  { disposable = false, size, idMaps }: Partial<PrepareOptions> & { idMaps?: IdMaps | undefined } = {},
): Promise<void> {
  await store.exclusive(async () => {
    const found = (await currentCatalog(store)).byId.get(image);
    if (found === undefined) throw new FathomError("not-found", `No such image: ${image}`);
    const directory = join(store.paths.containers, container);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (idMaps !== undefined) await writeIdMaps(directory, idMaps);
    store.idMaps.set(container, idMaps);
    const top = found.chain.at(-1);
    if (top !== undefined) await linkTo(`../../layers/${hexOf(top)}`, join(directory, PARENT));
    store.tops.set(container, top);
  });
  await store.driver.prepare(await snapshotOf(store, container), { disposable, size });
}

/** Mounts it and gives the path of its root; one that is mounted stays so. */
export async function mountSnapshot(store: ImageStore, container: string): Promise<string> {
  return store.driver.mount(await snapshotOf(store, container));
}

/** No error when it is not mounted. */
export async function unmountSnapshot(store: ImageStore, container: string): Promise<void> {
  await store.driver.unmount({ directory: join(store.paths.containers, container) });
}

/**
 * Takes a snapshot away with all that was written to it; no error when there is none. Its files are moved out of sight, and
 * deleted after that: `settleImages` waits for it.
 */
export async function removeSnapshot(store: ImageStore, container: string): Promise<void> {
  const directory = join(store.paths.containers, container);
  const trash = join(store.paths.layerIngest, uniqueName());
  await store.driver.remove({ directory }, trash);
  // Last, for it is what keeps the layers.
  await rm(join(directory, PARENT), { force: true });
  store.tops.delete(container);
  store.idMaps.delete(container);
  inBackground(store, store.driver.removeLayer(trash));
}

/** A file of a mounted snapshot as text; its path and its links are resolved as the container would, never outside. */
export async function readSnapshotFile(
  store: ImageStore,
  container: string,
  path: string,
): Promise<string | undefined> {
  const root = store.driver.rootOf({ directory: join(store.paths.containers, container) });
  return readFileInRoot(root, path, LARGEST_READ);
}

/** Docker's GraphDriver. */
export async function snapshotData(
  store: ImageStore,
  container: string,
): Promise<{ Name: string; Data: Record<string, string> | null }> {
  return { Name: store.driver.name, Data: store.driver.data(await snapshotOf(store, container)) };
}

/** Bytes written by the container, and bytes of the whole. */
export async function snapshotSizes(
  store: ImageStore,
  container: string,
): Promise<{ rw: number; rootfs: number }> {
  const [rw, chain] = await Promise.all([
    snapshotOf(store, container).then((snapshot) => store.driver.written(snapshot)),
    chainOf(store, await topOf(store, container)),
  ]);
  const layers = await Promise.all(chain.map((chainId) => layerSize(store.paths, chainId)));
  return { rw, rootfs: layers.reduce((sum, size) => sum + size, rw) };
}

/** All layers that some snapshot stands on; those of the containers `without` do not count. */
export async function layersInUse(
  store: ImageStore,
  without: ReadonlySet<string> = new Set(),
): Promise<Set<Digest>> {
  const names = await readdir(store.paths.containers).catch(ifAbsent([]));
  const containers = names.filter((name) => !without.has(name));
  const tops = await Promise.all(containers.map((container) => topOf(store, container)));
  const chains = await Promise.all(tops.map((top) => chainOf(store, top)));
  return new Set(chains.flat());
}

/** What the driver is told of a container's snapshot. */
export async function snapshotOf(store: ImageStore, container: string): Promise<Snapshot> {
  const chain = await chainOf(store, await topOf(store, container));
  const layers = chain.map((chainId) => join(layerPath(store.paths, chainId), "diff"));
  const directory = join(store.paths.containers, container);
  if (!store.idMaps.has(container)) store.idMaps.set(container, await readIdMaps(directory));
  return { directory, layers, idMaps: store.idMaps.get(container) };
}

async function topOf(store: ImageStore, container: string): Promise<Digest | undefined> {
  if (store.tops.has(container)) return store.tops.get(container);
  const top = await linkedLayer(join(store.paths.containers, container, PARENT));
  store.tops.set(container, top);
  return top;
}

/** The layer and all below it, topmost first. */
async function chainOf(store: ImageStore, top: Digest | undefined): Promise<Digest[]> {
  const chain: Digest[] = [];
  for (let chainId = top; chainId !== undefined; chainId = await parentOf(store, chainId))
    chain.push(chainId);
  return chain;
}

async function parentOf(store: ImageStore, chainId: Digest): Promise<Digest | undefined> {
  if (store.parents.has(chainId)) return store.parents.get(chainId);
  const parent = await linkedLayer(join(layerPath(store.paths, chainId), PARENT));
  store.parents.set(chainId, parent);
  return parent;
}

async function linkedLayer(link: string): Promise<Digest | undefined> {
  try {
    return digestOfHex(basename(await readlink(link)));
  } catch (error) {
    // A file among the containers' directories is not the engine's.
    if (isAbsent(error) || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Makes a link, in place of one that an earlier try left. */
export async function linkTo(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}

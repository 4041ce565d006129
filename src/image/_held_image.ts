/** An image whose unpacked layers are read where they are, and stay until that is done, whoever removes the image meanwhile. */

import { join } from "node:path";
import type { ByteString } from "../kernel/mod.ts";
import type { Digest } from "../spec/oci_image.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { lease } from "./_leases.ts";
import { type LowerDirectory, lowerRoot } from "./_lower.ts";
import { layerPath } from "./_paths.ts";
import { resolveImage } from "./_resolve.ts";
import type { Layered } from "./_squashed.ts";
import { currentCatalog, type ImageStore, inBackground } from "./store.ts";

export interface HeldImage extends Disposable {
  image: Image;
  /** The images that were there when it was found. */
  catalog: Catalog;
  /** The directory of each layer, bottom first. */
  roots: LowerDirectory;
  /** Which layer a path of one of them is in. */
  layerOf(path: ByteString): number;
}

/** @throws {FathomError} not-found, invalid */
export async function holdImage(store: ImageStore, name: string): Promise<HeldImage> {
  return store.exclusive(async () => {
    using stack = new DisposableStack();
    const catalog = await currentCatalog(store);
    const { image } = resolveImage(catalog, name);
    stack.defer(() => inBackground(store, collectUnnamed(store, image.id)));
    for (const chainId of image.chain) stack.use(lease(store.leases, chainId));
    const roots = lowerRoot(image.chain.map((chainId) => join(layerPath(store.paths, chainId), "diff")));
    const numbers = new Map(roots.map((root, at) => [root, at]));
    // Chain IDs are all of one length, and so are the directories named by them.
    const length = roots[0]?.length ?? 0;
    const held = stack.move();
    return {
      image,
      catalog,
      roots,
      layerOf: (path) => numbers.get(path.slice(0, length)) ?? 0,
      [Symbol.dispose]: () => held.dispose(),
    };
  });
}

/** What was kept for the reader alone has nobody else who would take it away. */
async function collectUnnamed(store: ImageStore, id: Digest): Promise<void> {
  if ((await currentCatalog(store)).byId.has(id)) return;
  await store.exclusive(() => collect(store));
}

/** What the layers of an image may be called. */
export function layeredOf({ config, manifest, chain }: Image): Layered {
  const { diff_ids: diffIds } = config.rootfs;
  return {
    config,
    names: chain.map((chainId, at) => [chainId, diffIds[at] ?? "", manifest.layers[at]?.digest ?? ""]),
  };
}

/** Layers as a directory of the lower ones has them: topmost first. */
export function topFirst(roots: LowerDirectory): LowerDirectory {
  return roots.toReversed();
}

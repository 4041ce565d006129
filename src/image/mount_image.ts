/** An image's files by themselves, to be looked at: read-only, without a container's snapshot. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { mountOverlay } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { layerPath } from "./_paths.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

/**
 * Mounts them at a directory. Whoever clones the mount keeps the files when it is taken away.
 * @throws {FathomError} not-found, when there is no such image any more
 */
export async function mountImage(store: ImageStore, image: string, target: string): Promise<void> {
  const found = [...(await currentCatalog(store)).byId.values()].find(({ id }) => id === image);
  if (found === undefined) throw new FathomError("not-found", `No such image: ${image}`);
  const layers = found.chain.map((chainId) => join(layerPath(store.paths, chainId), "diff")).reverse();
  // Without an upper directory overlay wants two below; what lies under the mount holds nothing.
  const empty = join(store.paths.layerIngest, "empty");
  const spare = layers.length > 1 ? [] : [target, ...(layers.length === 0 ? [empty] : [])];
  if (layers.length === 0) await mkdir(empty, { recursive: true, mode: 0o755 });
  mountOverlay({ lowers: [...layers, ...spare], target });
}

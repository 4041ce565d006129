/** Gives a staged layer its final name among the layers. */

import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import { codeOf } from "../std/absent.ts";
import { layerPath } from "./_paths.ts";
import type { StagedLayer } from "./_stage.ts";
import { linkTo, PARENT } from "./snapshots.ts";
import type { ImageStore } from "./store.ts";

export interface LayerPlace {
  chainId: Digest;
  /** The layer beneath; absent for the lowest. */
  below: Digest | undefined;
}

/** One that is there already is the same. Only while the store is locked. */
export async function placeLayer(
  store: ImageStore,
  { directory }: Pick<StagedLayer, "directory">,
  { chainId, below }: LayerPlace,
): Promise<void> {
  const link = join(directory, PARENT);
  if (below === undefined) await rm(link, { force: true });
  else await linkTo(`../${hexOf(below)}`, link);
  await rename(directory, layerPath(store.paths, chainId)).catch(ignoreExisting);
  store.parents.set(chainId, below);
}

/** A directory cannot take the place of one that has something in it: rename(2). */
function ignoreExisting(error: unknown): void {
  const code = codeOf(error);
  if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
}

/**
 * Which image another was made from, where its configuration does not say: Docker keeps that beside its images, and tells it in the
 * manifest.json of an archive. Here it is an annotation of the image's descriptors in index.json.
 */

import { isDeepStrictEqual } from "node:util";
import { isDigest } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import type { Catalog, Image } from "./_catalog.ts";
import { withParentNoted } from "./_index.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

/** Notes what an archive says of its images; what cannot be so, or names an image that is not here, is passed over as Docker does. */
export async function noteParents(store: ImageStore, parents: ReadonlyMap<Digest, string>): Promise<void> {
  if (parents.size === 0) return;
  await store.exclusive(async () => {
    for (const [id, parent] of parents) {
      const catalog = await currentCatalog(store);
      const manifest = catalog.byId.get(id)?.descriptor.digest;
      if (manifest !== undefined && canBeParent(catalog, parent, id))
        await replaceIndex(store, withParentNoted(catalog.index, manifest, parent));
    }
  });
}

function canBeParent({ byId }: Catalog, parent: string, id: Digest): boolean {
  const [above, below] = [byId.get(id), isDigest(parent) ? byId.get(parent) : undefined];
  if (above === undefined || below === undefined || above.config.parent !== undefined) return false;
  const [all = [], beginning = []] = [above.config.history, below.config.history];
  if (!isDeepStrictEqual(all.slice(0, beginning.length), beginning)) return false;
  // Nobody vouches for what is said: it must not lead round in a circle.
  const seen = new Set<Digest>();
  for (let at: Image | undefined = below; at !== undefined; at = parentOf(at, byId)) {
    if (at.id === id || seen.has(at.id)) return false;
    seen.add(at.id);
  }
  return true;
}

function parentOf({ config }: Image, byId: Catalog["byId"]): Image | undefined {
  return config.parent === undefined ? undefined : byId.get(config.parent);
}

/** What images have in common. */

import type { Digest } from "../spec/oci_image.ts";
import type { Catalog, Image } from "./_catalog.ts";

/** Gives the bytes of an image's layers that are another's too. */
export function sharedSizes({ byId }: Catalog): (image: Image) => number {
  const owners = new Map<Digest, number>();
  for (const { chain } of byId.values())
    for (const chainId of chain) owners.set(chainId, (owners.get(chainId) ?? 0) + 1);
  return ({ chain, layerSizes }) =>
    chain.reduce((sum, chainId, at) => sum + ((owners.get(chainId) ?? 0) > 1 ? (layerSizes[at] ?? 0) : 0), 0);
}

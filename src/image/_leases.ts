/**
 * Leases: blobs that somebody is about to make an image of, and which stay although no image names them yet; and layers, by their chain
 * IDs, that somebody reads, and which stay although their image has gone.
 *
 * They are in memory only. A process that is killed loses them together with the work they were for, and the next start collects
 * what that left: nothing can stay leased for ever.
 */

import type { Digest } from "../spec/oci_image.ts";

/** How many hold each blob or layer. */
export type Leases = Map<Digest, number>;

/** Holds a blob or a layer until it is disposed of. To be taken while it cannot go: with the store locked, or before anything is awaited. */
export function lease(leases: Leases, digest: Digest): Disposable {
  leases.set(digest, (leases.get(digest) ?? 0) + 1);
  return {
    [Symbol.dispose]: () => {
      const left = (leases.get(digest) ?? 1) - 1;
      if (left > 0) leases.set(digest, left);
      else leases.delete(digest);
    },
  };
}

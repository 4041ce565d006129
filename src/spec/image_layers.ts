/** Fathom's own additions to the API about what the layers of an image hold. Sizes are bytes of unpacked files. */

import type { Digest } from "./oci_image.ts";

/** What a squash came to. */
export interface Squashed {
  Id: Digest;
  Layers: { Before: number; After: number };
  Size: { Before: number; After: number };
}

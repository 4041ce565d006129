/** What the layers of images hold, as the API wants to see it. Loaded when it is asked for. */

import type { LayerBackend } from "../api/routes/layers.ts";
import type { ImageStore } from "../image/mod.ts";

export function layerBackend(store: ImageStore): LayerBackend {
  return {
    squash: async (name, options) => (await import("../image/squash.ts")).squashImage(store, name, options),
  };
}

/** What the layers of images hold, as the API wants to see it. Loaded when it is asked for. */

import type { LayerBackend } from "../api/routes/layers.ts";
import type { ImageStore } from "../image/mod.ts";

export function layerBackend(store: ImageStore): LayerBackend {
  return {
    squash: async (name, options) => (await import("../image/squash.ts")).squashImage(store, name, options),
    whyBig: async (name) => (await import("../image/why_big.ts")).whyBig(store, name),
    files: async (name, layer) => (await import("../image/layer_files.ts")).layerFiles(store, name, layer),
    find: async (name, wanted) => (await import("../image/layer_files.ts")).findFiles(store, name, wanted),
    diff: async (first, second) =>
      (await import("../image/image_diff.ts")).imageDifferences(store, first, second),
  };
}

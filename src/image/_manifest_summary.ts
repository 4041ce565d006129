/** What an image is stored as, for whoever asks for its manifests. */

import type { ManifestSummary } from "../spec/docker_image.ts";
import type { Image } from "./_catalog.ts";
import type { ImageUser } from "./store.ts";

export function manifestSummary(
  { descriptor, manifest, config, size }: Image,
  users: readonly ImageUser[],
): ManifestSummary {
  const blobs = [descriptor, manifest.config, ...manifest.layers];
  const content = blobs.reduce((sum, blob) => sum + blob.size, 0);
  const { architecture, os, variant } = config;
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: true,
    Size: { Content: content, Total: content + size },
    Kind: "image",
    ImageData: {
      Platform: { architecture, os, ...(variant !== undefined && { variant }) },
      Containers: users.map(({ id }) => id),
      Size: { Unpacked: size },
    },
  };
}

/** What is told of an image, as Docker tells it: its labels, and a name that wins over a label called so. */

import type { Digest, ImageConfig } from "../spec/oci_image.ts";
import type { ImageEvent } from "./store.ts";

interface About {
  id: Digest;
  config: ImageConfig;
}

/** @param name the reference, or the ID */
export function imageEvent(
  action: ImageEvent["action"],
  { id, config }: About,
  name: string = id,
): ImageEvent {
  // One that is deleted has gone, with its labels.
  const labels = action === "delete" ? undefined : config.config?.Labels;
  return { action, id, attributes: { ...labels, name } };
}

/** Makes an image of a tar archive: `docker import`. */

import type { Digest, ImageConfig, Platform } from "../spec/oci_image.ts";
import { hostPlatform } from "../spec/platform.ts";
import { familiarText, parseReference, withDefaultTag } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { applyChanges } from "./_changes.ts";
import { imageEvent } from "./_events.ts";
import { stageLayer } from "./_stage.ts";
import { commitImage } from "./commit.ts";
import type { ImageStore } from "./store.ts";

export interface ImageImport {
  /** `name[:tag]` to give it; none leaves it without a name. */
  reference?: string;
  /** The comment in its history; Docker's own when absent. */
  message?: string;
  /** Dockerfile instructions to apply to the configuration. */
  changes: readonly string[];
  /** `os[/architecture[/variant]]`; this host's when absent. */
  platform?: string;
}

/**
 * Reads a tar archive (plain, gzip or zstd) to its end and makes an image of one layer.
 *
 * The request is checked before the first byte is read. @throws {FathomError} invalid, when the request or the archive is
 * wrong; unavailable, when the disk is full. Nothing is left of it then.
 */
export async function importImage(
  store: ImageStore,
  archive: AsyncIterable<Uint8Array>,
  request: ImageImport,
): Promise<{ id: Digest }> {
  const reference =
    request.reference === undefined ? undefined : withDefaultTag(parseReference(request.reference));
  if (reference?.digest !== undefined) {
    throw new FathomError("invalid", "cannot import digest reference");
  }
  const platform = platformOf(request.platform);
  const config = applyChanges({}, request.changes);
  await using layer = await stageLayer(store.paths, archive, { flush: false });
  const created = rfc3339(wallClock());
  const image: ImageConfig = {
    created,
    ...platform,
    config,
    rootfs: { type: "layers", diff_ids: [layer.diffId] },
    history: [{ created, comment: request.message || "Imported from -" }],
  };
  const id = await commitImage(store, { config: image, layers: [layer] }, reference);
  const about = { id, config: image };
  if (reference !== undefined) store.emit(imageEvent("tag", about, familiarText(reference)));
  store.emit(imageEvent("import", about));
  return { id };
}

function platformOf(text: string | undefined): Platform {
  const host = hostPlatform().architecture;
  const [os = "", architecture = host, variant, ...rest] = (text || "linux").toLowerCase().split("/");
  if (os !== "linux" || !/^\w+$/.test(architecture) || rest.length > 0) {
    throw new FathomError(
      "invalid",
      `platform ${JSON.stringify(text)} is not linux[/architecture[/variant]]`,
    );
  }
  return { architecture, os, ...(variant !== undefined && { variant }) };
}

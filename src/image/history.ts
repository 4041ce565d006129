/** How an image came to be: `docker history`. */

import type { HistoryRow } from "../spec/docker_image.ts";
import type { Digest, HistoryEntry, Platform } from "../spec/oci_image.ts";
import { platformText } from "../spec/platform.ts";
import { familiarText, parseReference } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { type Catalog, type Image, referencesOf } from "./_catalog.ts";
import { suits } from "./_platform.ts";
import { resolveImage } from "./_resolve.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

/** What stands for a step whose image is not here. */
const MISSING = "<missing>";
/** Go's zero time in seconds since the epoch, which Docker gives where a step has no time. */
const NEVER = -62_135_596_800;

/** The latest step first. @throws {FathomError} not-found, invalid */
export async function imageHistory(
  store: ImageStore,
  name: string,
  { platform }: { platform?: Platform } = {},
): Promise<HistoryRow[]> {
  const catalog = await currentCatalog(store);
  const { image } = resolveImage(catalog, name);
  if (platform !== undefined && !suits(image.config, platform))
    throw new FathomError(
      "not-found",
      `image with reference ${name} was found but does not provide the specified platform (${platformText(platform)})`,
    );
  const steps = image.config.history ?? [];
  const sizes = layerSizes(image, steps);
  const rows = steps.map((step, at) => rowOf(step, sizes[at] ?? 0)).reverse();
  // A step that ends in an image which is here, as the parents of a committed one are, has its ID and its names.
  let own: Image | undefined = image;
  for (let at = 0; own !== undefined && at < rows.length; ) {
    Object.assign(rows[at] ?? {}, { Id: own.id, Tags: tagsOf(catalog, own.id) });
    const parent: Image | undefined = own.config.parent && catalog.byId.get(own.config.parent);
    at += Math.max((own.config.history?.length ?? 0) - (parent?.config.history?.length ?? 0), 1);
    own = parent;
  }
  return rows;
}

/** Bytes of each step: those of its layer, or none. */
function layerSizes({ layerSizes }: Image, steps: readonly HistoryEntry[]): number[] {
  let layer = 0;
  return steps.map((step) => {
    if (step.empty_layer === true) return 0;
    layer += 1;
    return layerSizes[layer - 1] ?? 0;
  });
}

function rowOf(step: HistoryEntry, size: number): HistoryRow {
  const created = Date.parse(step.created ?? "");
  return {
    Id: MISSING,
    Created: Number.isNaN(created) ? NEVER : Math.floor(created / 1000),
    CreatedBy: step.created_by ?? "",
    Tags: null,
    Size: size,
    Comment: step.comment ?? "",
  };
}

function tagsOf(catalog: Catalog, id: Digest): string[] | null {
  const tags = referencesOf(catalog, id).filter((reference) => !reference.includes("@"));
  return tags.length === 0 ? null : tags.map((reference) => familiarText(parseReference(reference)));
}

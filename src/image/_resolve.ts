/** Finds the image that a name means: a reference, an ID or the beginning of one. */

import { hexOf, isDigest } from "../spec/digest.ts";
import { canonicalText, familiarText, parseReference, withDefaultTag } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import type { Catalog, Image } from "./_catalog.ts";

export interface Resolved {
  image: Image;
  /** The whole reference, when the name was one. */
  reference?: string;
}

const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/** @throws {FathomError} not-found in Docker's wording; invalid, for what can be no name, and for an ambiguous beginning. */
export function resolveImage(catalog: Catalog, name: string): Resolved {
  const digits = ID_PREFIX.exec(name)?.[1];
  const byReference =
    digits?.length === 64 || name.startsWith("sha256:") ? undefined : referenced(catalog, name);
  if (byReference !== undefined) return byReference;
  const image = digits === undefined ? undefined : identified(catalog, digits);
  if (image !== undefined) return { image };
  throw new FathomError("not-found", `No such image: ${shownName(name)}`);
}

function referenced(catalog: Catalog, name: string): Resolved | undefined {
  const parsed = withDefaultTag(parseReference(name));
  const reference = canonicalText(parsed);
  const image = catalog.byReference.get(reference);
  if (image !== undefined) return { image, reference };
  if (parsed.digest === undefined) return undefined;
  // A digest names content whatever tag stands before it.
  const { tag: _tag, ...untagged } = parsed;
  const byDigest = catalog.byReference.get(canonicalText(untagged));
  return byDigest === undefined ? undefined : { image: byDigest, reference: canonicalText(untagged) };
}

function identified(catalog: Catalog, digits: string): Image | undefined {
  const id = `sha256:${digits}`;
  if (isDigest(id)) return catalog.byId.get(id);
  const found = [...catalog.byId.values()].filter((image) => hexOf(image.id).startsWith(digits));
  if (found.length > 1) {
    throw new FathomError(
      "invalid",
      `image ID ${digits} is ambiguous: ${found.length} images begin with it, give more digits`,
    );
  }
  return found[0];
}

function shownName(name: string): string {
  if (ID_PREFIX.exec(name)?.[1]?.length === 64 || name.startsWith("sha256:")) return name;
  return familiarText(withDefaultTag(parseReference(name)));
}

/** Which image a name means now. */

import type { Digest } from "../spec/oci_image.ts";
import { type ErrorKind, kindOf } from "../std/errors.ts";
import type { Context } from "./context.ts";

/** What resolving says of a name that means no image, or more than one. */
const NONE: readonly ErrorKind[] = ["not-found", "invalid", "conflict"];

/** Its ID and those of the images that descend from it; none where the name means none. */
export async function familyOf(context: Context, name: string): Promise<readonly string[]> {
  const id = await imageIdOf(context, name);
  return id === undefined ? [] : [...(await context.options.images.descendants(id))];
}

/** Its ID; undefined where the name means none. */
export async function imageIdOf(context: Context, name: string): Promise<Digest | undefined> {
  try {
    return (await context.options.images.resolve(name)).id;
  } catch (error) {
    if (NONE.includes(kindOf(error))) return undefined;
    throw error;
  }
}

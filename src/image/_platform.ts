/** Platforms: what an image is made for, and what was asked for. */

import type { Platform } from "../spec/oci_image.ts";

/** Whether what is made for `own` is what was asked for; where no variant is asked for, any will do. */
export function suits(own: Platform, wanted: Platform): boolean {
  if (own.os !== wanted.os || own.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || (own.variant ?? usual(own)) === wanted.variant;
}

/** The variant that goes without saying. */
function usual({ architecture }: Platform): string | undefined {
  return architecture === "arm64" ? "v8" : undefined;
}

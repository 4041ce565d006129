/** Platforms in queries: an OCI platform as JSON. */

import type { Platform } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import { filled, object, text } from "../std/shape.ts";

const platform = object<Platform>({ architecture: filled(text), os: filled(text), variant: text });

/** @throws {FathomError} invalid */
export function platformOf(value: string): Platform {
  try {
    return platform.check(JSON.parse(value), "platform");
  } catch (cause) {
    throw new FathomError(
      "invalid",
      `failed to parse platform: expected JSON such as {"os":"linux","architecture":"amd64"}, got ${value}`,
      { cause },
    );
  }
}

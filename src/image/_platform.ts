/** Platforms: what an image is made for, and what was asked for. */

import type { Platform } from "../spec/oci_image.ts";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** This host's. */
export function hostPlatform(): Platform {
  return { os: "linux", architecture: ARCHITECTURES[process.arch] ?? process.arch };
}

/** Whether what is made for `own` is what was asked for; where no variant is asked for, any will do. */
export function suits(own: Platform, wanted: Platform): boolean {
  if (own.os !== wanted.os || own.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || (own.variant ?? usual(own)) === wanted.variant;
}

/** The variant that goes without saying. */
function usual({ architecture }: Platform): string | undefined {
  return architecture === "arm64" ? "v8" : undefined;
}

/** `linux/arm/v7`. */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/** Platforms: as people write them, and which of an index's is meant (containerd's platforms package, which Docker uses). */

import { FathomError } from "../std/errors.ts";
import { GOARCH } from "../std/version.ts";
import type { Descriptor, Platform } from "./oci_image.ts";

const OTHER_NAMES: Readonly<Record<string, Omit<Platform, "os">>> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  i386: { architecture: "386" },
  aarch64: { architecture: "arm64" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
};

export function hostPlatform(): Platform {
  return { os: "linux", architecture: GOARCH };
}

/** Reads `linux/arm64/v8`, `linux`, `arm64`; the rest is this host's. @throws {FathomError} invalid */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  const wellFormed = parts.length <= 3 && parts.every((part) => /^[a-z0-9_.-]+$/.test(part));
  if (!wellFormed) {
    throw new FathomError(
      "invalid",
      `${JSON.stringify(text)} is an invalid component of a platform: write os[/architecture[/variant]]`,
    );
  }
  const [first = "", second, third] = parts;
  if (second === undefined) {
    const isSystem = ["linux", "windows", "darwin", "freebsd"].includes(first);
    return isSystem ? { os: first, architecture: GOARCH } : { os: "linux", ...named(first) };
  }
  return { os: first, ...named(second), ...(third !== undefined && { variant: third }) };
}

function named(architecture: string): Omit<Platform, "os"> {
  return OTHER_NAMES[architecture] ?? { architecture };
}

export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined).join("/");
}

/** The image of an index for a platform: the best that runs there, and of equals the first. */
export function chooseManifest(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const ranked = manifests
    .filter((one) => one.annotations?.["vnd.docker.reference.type"] !== "attestation-manifest")
    .map((one) => ({ one, rank: rankOf(one.platform, wanted) }))
    .filter(({ rank }) => rank > 0);
  return ranked.sort((a, b) => b.rank - a.rank)[0]?.one;
}

/** 0 for what does not run there. */
function rankOf(offered: Platform | undefined, wanted: Platform): number {
  if (offered?.os !== wanted.os || offered.architecture !== wanted.architecture) return 0;
  const [has, needs] = [variantOf(offered), variantOf(wanted)];
  if (has === needs) return 100;
  const [level, most] = [Number(has.slice(1)), Number(needs.slice(1))];
  // arm/v7 runs what was built for v6; amd64/v2 does not run v3.
  return level < most ? level : 0;
}

/** With what a platform without a variant means. */
function variantOf({ architecture, variant }: Platform): string {
  if (variant !== undefined) return variant;
  return architecture === "arm" ? "v7" : architecture === "arm64" ? "v8" : "v1";
}

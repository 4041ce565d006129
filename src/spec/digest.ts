/**
 * Digests: content addressed by its SHA-256.
 *
 * Source: opencontainers/image-spec v1.1, descriptor.md (Digests) and config.md (Layer DiffID, Layer ChainID).
 *
 * Bun's own hasher, because loading node:crypto costs the command line 10 ms.
 */

import type { Digest } from "./oci_image.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether text is a SHA-256 digest in its canonical form. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** The digest whose hexadecimal digits are known: of a running hash, or of a file's name in blobs/sha256. */
export function digestOfHex(hex: string): Digest {
  return `sha256:${hex}`;
}

/** The 64 hexadecimal digits. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** The 12 digits that people see, of a digest or of a container's ID. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/** The digest of bytes at hand. */
export function digestOf(content: string | Uint8Array): Digest {
  return digestOfHex(new Bun.CryptoHasher("sha256").update(content).digest("hex"));
}

/**
 * The chain ID of each layer, bottom first: it names the layer together with all beneath it, so that equal layers on
 * different parents stay apart.
 */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}

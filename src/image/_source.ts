/** What a pull and a push need of a registry; a client of one satisfies them, and so does a test's own. */

import type { Descriptor, Digest } from "../spec/oci_image.ts";

export interface ImageSource {
  /** A manifest or an index, by tag or digest; by digest it has been verified. */
  manifest(name: string): Promise<{ mediaType: string; digest: Digest; bytes: Uint8Array }>;
  /** A blob's bytes from `from` on, at most as many as it should have. `retrying` is called when a connection broke. */
  blob(
    descriptor: Descriptor,
    range: { from: number; signal: AbortSignal; retrying?: () => void },
  ): AsyncIterable<Uint8Array>;
}

export interface ImageTarget {
  hasBlob(digest: Digest): Promise<boolean>;
  /** Has the registry take a blob from another repository of its own; false when it would not. */
  mountBlob(digest: Digest, from: string): Promise<boolean>;
  putBlob(blob: {
    digest: Digest;
    size: number;
    read(from: number, to: number): AsyncIterable<Uint8Array>;
  }): Promise<void>;
  putManifest(name: string, manifest: { mediaType: string; bytes: Uint8Array }): Promise<void>;
}

/** How a pull or a push goes: Docker's words for what happens to a layer, a tag or the whole. */
export interface TransferNews {
  /** The layer's short digest or the tag; none for the whole. */
  id?: string;
  status: string;
  /** Bytes, for a status that has a bar. */
  current?: number;
  total?: number;
  /** It says what follows and does not change. */
  heading?: boolean;
}

export type Tell = (news: TransferNews) => void;

/** Files of the same content in an image, by the hash of those of the same size. */

import { open } from "node:fs/promises";
import type { ByteString } from "../kernel/mod.ts";
import type { WhyBig } from "../spec/image_layers.ts";
import { pace } from "../std/pace.ts";
import { toldPath } from "./_told_file.ts";

/** Bytes below which a copy is not worth a word. */
export const SMALLEST_DUPLICATE = 16 * 1024;
/** How many are told, and how many paths of each. */
const MOST = 20;
const MOST_PATHS = 10;

export interface Candidate {
  path: ByteString;
  /** Where it lies. */
  file: ByteString;
  size: number;
}

/** The most bytes first. @param candidates files of one name each */
export async function duplicatesAmong(candidates: readonly Candidate[]): Promise<WhyBig["Duplicates"]> {
  const found: WhyBig["Duplicates"] = [];
  for (const [size, same] of Map.groupBy(candidates, ({ size }) => size)) {
    if (same.length < 2) continue;
    const hashes = new Map<string, Candidate[]>();
    for (const one of same) {
      const hash = await hashOf(one.file);
      hashes.set(hash, [...(hashes.get(hash) ?? []), one]);
    }
    for (const copies of hashes.values())
      if (copies.length > 1)
        found.push({
          Bytes: size * (copies.length - 1),
          Copies: copies.length,
          Paths: copies.slice(0, MOST_PATHS).map(({ path }) => toldPath(path)),
        });
  }
  return found.sort((a, b) => b.Bytes - a.Bytes).slice(0, MOST);
}

async function hashOf(path: ByteString): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  const clock = pace();
  await using file = await open(Buffer.from(path, "latin1"), "r");
  const piece = Buffer.allocUnsafe(256 * 1024);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return hasher.digest("hex");
    hasher.update(piece.subarray(0, bytesRead));
    at += bytesRead;
    if (clock.isDue()) await clock.pause();
  }
}

/** Tells layers from documents by their first bytes. */

import { compressionOf } from "./_decompress.ts";

/** Bytes that have to be seen, where there are so many. */
export const LAYER_START = 512;

const MAGIC_AT = 257;
const USTAR = "ustar";
const CHECKSUM = [148, 156] as const;

/** Whether a file that begins so is an archive, compressed or not. One of nothing begins with zeros. */
export function isLayerStart(start: Uint8Array): boolean {
  if (compressionOf(start) !== "none") return true;
  if (start.length < LAYER_START) return false;
  const block = Buffer.from(start.buffer, start.byteOffset, LAYER_START);
  if (block.toString("latin1", MAGIC_AT, MAGIC_AT + USTAR.length) === USTAR) return true;
  return block.every((byte) => byte === 0) || hasChecksum(block);
}

/** V7 archives have no magic, but what all headers have: the sum of their bytes, their own counted as spaces. */
function hasChecksum(block: Buffer): boolean {
  const [from, to] = CHECKSUM;
  const stated = Number.parseInt(block.toString("latin1", from, to).trim(), 8);
  const own = block.subarray(from, to).reduce((sum, byte) => sum + byte, 0);
  return stated === block.reduce((sum, byte) => sum + byte, 0) - own + (to - from) * 0x20;
}

/** The bytes of a part of a log, compressed or not. */

import type { LogPart, Packed } from "./_generations.ts";
import { unpacked } from "./_packed.ts";

/**
 * Fills `into` with bytes from `position` on and gives their number, 0 at the end. Compressed parts are read forwards only: no
 * position is lower than the end of what was given before.
 */
export type Source = (into: Uint8Array, position: number) => Promise<number>;

export function sourceOf(part: LogPart): Source {
  if (part.packed !== undefined) return forwards(part, part.packed);
  return async (into, position) => (await part.file.read(into, 0, into.length, position)).bytesRead;
}

function forwards({ file }: LogPart, { dataAt }: Packed): Source {
  const chunks = unpacked(file, dataAt)[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  let chunkAt = 0;
  return async (into, position) => {
    while (position >= chunkAt + chunk.length) {
      const next = await chunks.next();
      if (next.done) return 0;
      chunkAt += chunk.length;
      chunk = next.value;
    }
    const part = chunk.subarray(position - chunkAt, position - chunkAt + into.length);
    into.set(part);
    return part.length;
  };
}

/**
 * Archives arrive as plain tar or compressed with gzip, zstd, xz or bzip2; the first bytes say which.
 *
 * For xz and bzip2 the programs of those names are run, where they are installed.
 */

import { FathomError } from "../std/errors.ts";
import { type FrameWatch, frameWatch } from "./_zstd_frames.ts";

export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: readonly { compression: Exclude<Compression, "none">; bytes: readonly number[] }[] = [
  { compression: "gzip", bytes: [0x1f, 0x8b, 0x08] },
  { compression: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { compression: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { compression: "bzip2", bytes: [0x42, 0x5a, 0x68] },
];
const LONGEST_MAGIC = 6;
/** Pieces of decompressed output. Larger ones are no faster, and several layers at a time hold many of them. */
const PIECE = 64 * 1024;

type Bytes = AsyncIterable<Uint8Array>;

/** How the stream is compressed, and the stream with the bytes that were looked at. */
export async function detect(source: Bytes): Promise<{ compression: Compression; source: Bytes }> {
  const iterator = source[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let start = new Uint8Array(0);
  while (start.length < LONGEST_MAGIC) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(next.value);
    start = Buffer.concat([start, next.value.subarray(0, LONGEST_MAGIC)]);
  }
  return { compression: compressionOf(start), source: again(seen, iterator) };
}

/** What bytes begin with. */
export function compressionOf(start: Uint8Array): Compression {
  const found = MAGIC.find(({ bytes }) => bytes.every((byte, index) => start[index] === byte));
  return found?.compression ?? "none";
}

async function* again(seen: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): Bytes {
  try {
    yield* seen;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** The decompressed bytes. @throws {FathomError} invalid, when the compressed stream is damaged or cut short */
export async function* decompressed(source: Bytes, compression: Compression): Bytes {
  if (compression === "none") {
    yield* source;
    return;
  }
  if (compression === "xz" || compression === "bzip2") {
    yield* (await import("./_decompress_program.ts")).decompressedBy(compression, source);
    return;
  }
  const [{ pipeline, Readable }, zlib] = await Promise.all([import("node:stream"), import("node:zlib")]);
  const options = { chunkSize: PIECE };
  const through = compression === "gzip" ? zlib.createGunzip(options) : zlib.createZstdDecompress(options);
  const watch = compression === "zstd" ? frameWatch() : undefined;
  let failure: Error | undefined;
  const from = Readable.from(
    remembering(watch === undefined ? source : watched(source, watch), (error) => {
      failure = error;
    }),
  );
  // Errors come out of the iteration below; the callback keeps them from being thrown a second time.
  pipeline(from, through, () => undefined);
  try {
    for await (const piece of through) yield piece as Uint8Array;
  } catch (cause) {
    if (failure !== undefined) throw failure;
    throw cutShort(compression, { cause });
  }
  if (watch?.isWhole() === false) throw cutShort(compression);
}

function cutShort(compression: Compression, options?: ErrorOptions): FathomError {
  return new FathomError("invalid", `the archive's ${compression} stream is damaged or cut short`, options);
}

async function* watched(source: Bytes, watch: FrameWatch): Bytes {
  for await (const chunk of source) {
    watch.push(chunk);
    yield chunk;
  }
}

/** Tells a failure of the source from one of what is in it. */
async function* remembering(source: Bytes, remember: (error: Error) => void): Bytes {
  try {
    yield* source;
  } catch (error) {
    remember(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

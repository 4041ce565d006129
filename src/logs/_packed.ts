/**
 * Compressed files of a log: gzip, so that zcat reads them.
 *
 * Before the data stands a member of its own (RFC 1952, section 2.2) that holds nothing but a comment: which file this was, and the
 * newest time in it, so that a reader need not unpack what is too old.
 */

import type { FileHandle } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** What the comment of a compressed file says. */
export interface PackedLabel {
  /** The identity that the file had before. */
  file: string;
  /** As recordTime gives it; absent where the writer did not know. */
  newest?: string;
}

/** ID1, ID2, deflate, FLG.FCOMMENT, MTIME 4, XFL, OS unknown. */
const HEADER = [0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 255];
/** The comment's NUL, an empty final block, CRC32 0 and ISIZE 0. */
const TRAILER = [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const LONGEST_LABEL = 512;
const BLOCK = 64 * 1024;

/** The member that comes before the data. */
export function labelMember(label: PackedLabel): Uint8Array {
  return new Uint8Array([...HEADER, ...new TextEncoder().encode(JSON.stringify(label)), ...TRAILER]);
}

/** The label of a compressed file and where its data begins; undefined when it is not one of ours. */
export async function readLabel(
  file: FileHandle,
): Promise<{ label: PackedLabel; dataAt: number } | undefined> {
  const block = new Uint8Array(LONGEST_LABEL);
  const { bytesRead } = await file.read(block, 0, block.length, 0);
  const end = block.subarray(0, bytesRead).indexOf(0, HEADER.length);
  if (end < 0 || HEADER.some((byte, index) => block[index] !== byte)) return undefined;
  try {
    const { file: identity, newest } = Object(
      JSON.parse(new TextDecoder().decode(block.subarray(HEADER.length, end))),
    );
    if (typeof identity !== "string") return undefined;
    return {
      label: { file: identity, ...(typeof newest === "string" && { newest }) },
      dataAt: end + TRAILER.length,
    };
  } catch {
    return undefined;
  }
}

/** What a compressed file holds, from its beginning. */
export function unpacked(file: FileHandle, dataAt: number): AsyncIterable<Uint8Array> {
  // A failure of either side comes out of the last one, which is read.
  return pipeline(
    Readable.from(blocks(file, dataAt), { objectMode: false }),
    createGunzip(),
    () => undefined,
  );
}

async function* blocks(file: FileHandle, from: number): AsyncGenerator<Uint8Array> {
  for (let at = from; ; ) {
    const block = new Uint8Array(BLOCK);
    const { bytesRead } = await file.read(block, 0, BLOCK, at);
    if (bytesRead === 0) return;
    yield block.subarray(0, bytesRead);
    at += bytesRead;
  }
}

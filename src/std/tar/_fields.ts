/** Numbers and strings in the fields of a tar header: octal text, or base 256 in the GNU way. */

import { FathomError } from "../errors.ts";

export const BLOCK = 512;

/** A place in a header block: where it starts, and its bytes. */
export type Field = readonly [start: number, length: number];

/** The text up to the first NUL, copied out of the block. */
export function bytesField(block: Uint8Array, [start, length]: Field): Uint8Array {
  const nul = block.indexOf(0, start);
  const end = nul < 0 || nul > start + length ? start + length : nul;
  return block.slice(start, end);
}

/**
 * A number, 0 for an empty field.
 * @throws {FathomError} invalid, for what is neither octal digits nor base 256, and beyond 2^53.
 */
export function numberField(block: Uint8Array, field: Field): number {
  const [start, length] = field;
  return ((block[start] ?? 0) & 0x80) === 0
    ? octal(block, field)
    : base256(block.subarray(start, start + length));
}

/** Digits between spaces or NULs; what stands behind the first of those after them does not count. */
function octal(block: Uint8Array, [start, length]: Field): number {
  const end = start + length;
  let at = start;
  while (at < end && isPadding(block[at])) at += 1;
  let value = 0;
  for (; at < end && !isPadding(block[at]); at += 1) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) throw damaged("a number in a header is not octal");
    value = safe(value * 8 + digit);
  }
  return value;
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0 || byte === 0x20;
}

/** Two's complement without its first bit, which says that it is base 256; the most significant byte comes first. */
function base256(bytes: Uint8Array): number {
  const [first = 0, ...rest] = bytes;
  const negative = (first & 0x40) !== 0;
  const start = (first & 0x7f) - (negative ? 0x80 : 0);
  return rest.reduce((value, byte) => safe(value * 256 + byte), start);
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw damaged("a number in a header is too large");
  return value;
}

/** An archive that is not as tar(5) says. */
export function damaged(what: string): FathomError {
  return new FathomError("invalid", `the archive is damaged or is no tar archive: ${what}`);
}

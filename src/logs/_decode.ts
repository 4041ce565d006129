/**
 * The way back from a JSON string to bytes, for records in the form that Fathom and Docker write them.
 *
 * Whoever calls falls back on JSON.parse where this gives up, so it knows only what occurs.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** One-letter escapes of RFC 8259, section 7. */
const LETTERS: Record<number, number> = {
  [QUOTE]: QUOTE,
  [BACKSLASH]: BACKSLASH,
  47: 47, // /
  98: 8, // \b
  102: 12, // \f
  110: 10, // \n
  114: 13, // \r
  116: 9, // \t
};

/** Where decoding ended: in the source behind the closing quote, and in the target. */
export interface Decoded {
  sourceEnd: number;
  targetEnd: number;
}

/**
 * Decodes the string whose first character stands at `from` into `target` at `at`, which has at least as much room as the
 * source is long. Undefined when there is no closing quote before `to`, or an escape that is not decoded here.
 */
export function unescapeInto(
  target: Uint8Array,
  at: number,
  source: { bytes: Uint8Array; from: number; to: number },
): Decoded | undefined {
  const { bytes, to } = source;
  let out = at;
  let index = source.from;
  while (index < to) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) return { sourceEnd: index + 1, targetEnd: out };
    if (byte !== BACKSLASH) {
      target[out] = byte;
      out += 1;
      index += 1;
      continue;
    }
    const letter = bytes[index + 1] ?? 0;
    const plain = LETTERS[letter];
    if (plain !== undefined) {
      target[out] = plain;
      out += 1;
      index += 2;
      continue;
    }
    const codePoint = letter === 0x75 ? hexadecimal(bytes, index + 2) : -1;
    if (codePoint < 0 || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return undefined;
    out = putCodePoint(target, out, codePoint);
    index += 6;
  }
  return undefined;
}

/** Four hexadecimal digits; -1 when they are not. */
function hexadecimal(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index += 1) {
    const byte = bytes[index] ?? 0;
    const lower = byte | 0x20;
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30;
    else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + lower - 0x57;
    else return -1;
  }
  return value;
}

/** UTF-8 of a code point up to U+FFFF. */
function putCodePoint(target: Uint8Array, at: number, codePoint: number): number {
  if (codePoint < 0x80) {
    target[at] = codePoint;
    return at + 1;
  }
  if (codePoint < 0x800) {
    target[at] = 0xc0 | (codePoint >> 6);
    target[at + 1] = 0x80 | (codePoint & 0x3f);
    return at + 2;
  }
  target[at] = 0xe0 | (codePoint >> 12);
  target[at + 1] = 0x80 | ((codePoint >> 6) & 0x3f);
  target[at + 2] = 0x80 | (codePoint & 0x3f);
  return at + 3;
}

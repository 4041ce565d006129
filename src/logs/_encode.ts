/**
 * Bytes of output to the text of a JSON string, as Docker's json-file driver writes it.
 *
 * Docker escapes as Go's encoding/json for HTML does: `<`, `>` and `&` as \u003c, \u003e and \u0026; U+2028 and U+2029; every
 * control character but \n and \r as \u00XX; each byte that is not part of well-formed UTF-8 as \ufffd. DEL and `/` stay.
 */

import { sequenceLength } from "../std/utf8.ts";

/** The most bytes that one byte of input becomes. */
export const MOST_PER_BYTE = 6;

const PLAIN = 0;
const NOT_ASCII = 1;
/** Each byte below 0x80 that is escaped has an index into ESCAPES, its text; the others are 0 or NOT_ASCII. */
const CLASS = new Uint8Array(256);
const ESCAPES: Uint8Array[] = [new Uint8Array(0), new Uint8Array(0)];

const encoder = new TextEncoder();
const REPLACEMENT = encoder.encode("\\ufffd");
const SEPARATORS = [encoder.encode("\\u2028"), encoder.encode("\\u2029")] as const;

for (let byte = 0; byte < 256; byte += 1) {
  const text = escapeOf(byte);
  if (byte >= 0x80) CLASS[byte] = NOT_ASCII;
  else if (text !== undefined) CLASS[byte] = ESCAPES.push(encoder.encode(text)) - 1;
}

function escapeOf(byte: number): string | undefined {
  const character = String.fromCharCode(byte);
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === '"' || character === "\\") return `\\${character}`;
  if (byte < 0x20 || "<>&".includes(character)) return `\\u${byte.toString(16).padStart(4, "0")}`;
  return undefined;
}

/**
 * Writes `source[from, to)` escaped into `target` at `at`, and gives the end of what was written. The target has room for
 * MOST_PER_BYTE times the length.
 */
export function escapeInto(
  target: Uint8Array,
  at: number,
  source: { bytes: Uint8Array; from: number; to: number },
): number {
  const { bytes, to } = source;
  let out = at;
  let index = source.from;
  while (index < to) {
    const byte = bytes[index] as number;
    const kind = CLASS[byte] as number;
    if (kind === PLAIN) {
      target[out] = byte;
      out += 1;
      index += 1;
    } else if (kind === NOT_ASCII) {
      const length = sequenceLength(bytes, index, to);
      out = putCharacter(target, out, { bytes, index, length });
      index += length === 0 ? 1 : length;
    } else {
      out = put(target, out, ESCAPES[kind] as Uint8Array);
      index += 1;
    }
  }
  return out;
}

function putCharacter(
  target: Uint8Array,
  at: number,
  { bytes, index, length }: { bytes: Uint8Array; index: number; length: number },
): number {
  if (length === 0) return put(target, at, REPLACEMENT);
  const separator =
    bytes[index] === 0xe2 && bytes[index + 1] === 0x80
      ? SEPARATORS[(bytes[index + 2] ?? 0) - 0xa8]
      : undefined;
  if (separator !== undefined) return put(target, at, separator);
  for (let offset = 0; offset < length; offset += 1) target[at + offset] = bytes[index + offset] as number;
  return at + length;
}

function put(target: Uint8Array, at: number, text: Uint8Array): number {
  for (let index = 0; index < text.length; index += 1) target[at + index] = text[index] as number;
  return at + text.length;
}

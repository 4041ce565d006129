/**
 * Extended headers: records that replace or add to what the next header block says.
 *
 * Source: POSIX.1-2017, pax, "pax Extended Header"; SCHILY.xattr.* is star's convention for extended attributes.
 */

import { damaged } from "./_fields.ts";

/** Records in the order they stand; GNU's first sparse format repeats keys, so they are a list. */
export type PaxRecord = readonly [key: string, value: Uint8Array];

const XATTR = "SCHILY.xattr.";
const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
const LONGEST_LENGTH = 8;

/** Reads `LENGTH KEY=VALUE\n` records; the length counts itself. Values are copied. @throws {FathomError} invalid */
export function parsePax(data: Uint8Array): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length; ) {
    const { length, keyAt } = recordLength(data, at);
    const end = at + length;
    if (end > data.length || end <= keyAt || data[end - 1] !== NEWLINE)
      throw damaged("a pax record is malformed");
    const equals = data.indexOf(EQUALS, keyAt);
    if (equals <= keyAt || equals >= end) throw damaged("a pax record has no key");
    records.push([paxText(data.subarray(keyAt, equals)), data.slice(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

function recordLength(data: Uint8Array, at: number): { length: number; keyAt: number } {
  let length = 0;
  for (let index = at; index < at + LONGEST_LENGTH; index += 1) {
    const byte = data[index] ?? 0;
    if (byte === SPACE && index > at) return { length, keyAt: index + 1 };
    if (byte < 0x30 || byte > 0x39) break;
    length = length * 10 + byte - 0x30;
  }
  throw damaged("a pax record's length is malformed");
}

const decoder = new TextDecoder();

/** A record's key or value as text. */
export function paxText(value: Uint8Array): string {
  return decoder.decode(value);
}

/** The last value of each key; an empty one takes the key away (pax, "pax Extended Header Keyword Precedence"). */
export function paxValues(records: readonly PaxRecord[]): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const [key, value] of records) {
    if (value.length === 0 && !key.startsWith(XATTR)) values.delete(key);
    else values.set(key, value);
  }
  return values;
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Extended attributes among the records. */
export function paxXattrs(values: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  let found: Map<string, Uint8Array> | undefined;
  for (const [key, value] of values) {
    if (!key.startsWith(XATTR)) continue;
    found ??= new Map();
    found.set(key.slice(XATTR.length), value);
  }
  return found ?? NONE;
}

/** A whole number in decimal. @throws {FathomError} invalid */
export function paxNumber(value: Uint8Array): number {
  const text = paxText(value);
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw damaged("a number in a pax record is malformed");
  return number;
}

/** Nanoseconds of a time in seconds, which may be negative and have a fraction. @throws {FathomError} invalid */
export function paxTime(value: Uint8Array): bigint {
  const parts = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(paxText(value));
  if (parts === null) throw damaged("a time in a pax record is malformed");
  const [, sign = "", seconds = "0", fraction = ""] = parts;
  const size = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "-" ? -size : size;
}

/** Whether a key is in a set, and what a map has for it: sets of single keys, of intervals, of concatenated ranges. */

import type { HostElement, HostSet } from "../../kernel/net/mod.ts";

/** NFT_SET_INTERVAL, NFT_SET_ELEM_INTERVAL_END, NFT_SET_ELEM_CATCHALL. */
const INTERVAL = 4;
const INTERVAL_END = 1;
const CATCHALL = 2;

/** The element that stands for the key; undefined where there is none. */
export function findElement({ flags, fields, elements }: HostSet, key: Uint8Array): HostElement | undefined {
  const own = elements.filter((element) => (element.flags & CATCHALL) === 0);
  return byKind(own, key, { flags, fields }) ?? elements.find((element) => (element.flags & CATCHALL) !== 0);
}

function byKind(
  elements: readonly HostElement[],
  key: Uint8Array,
  { flags, fields }: Pick<HostSet, "flags" | "fields">,
): HostElement | undefined {
  if ((flags & INTERVAL) === 0) return elements.find((element) => compareBytes(element.key, key) === 0);
  if (fields.length > 0) return elements.find((element) => isBetween(element, key, fields));
  return lastBound(elements, key);
}

/** An interval begins with an element, and ends before the next one that is marked so. */
function lastBound(elements: readonly HostElement[], key: Uint8Array): HostElement | undefined {
  const below = elements
    .filter((element) => compareBytes(element.key, key) <= 0)
    .sort((a, b) => compareBytes(b.key, a.key) || (a.flags & INTERVAL_END) - (b.flags & INTERVAL_END));
  const [last] = below;
  return last !== undefined && (last.flags & INTERVAL_END) === 0 ? last : undefined;
}

/** Each part of the key lies in its own range; parts begin at multiples of four bytes. */
function isBetween({ key: from, end: to }: HostElement, key: Uint8Array, fields: readonly number[]): boolean {
  let at = 0;
  return fields.every((length) => {
    const part = (bytes: Uint8Array) => bytes.subarray(at, at + length);
    const inside = compareBytes(part(from), part(key)) <= 0 && compareBytes(part(key), part(to ?? from)) <= 0;
    at += Math.ceil(length / 4) * 4;
    return inside;
  });
}

/** As memcmp(3). */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

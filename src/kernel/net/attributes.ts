/**
 * Netlink attributes: type, length, value, padded to four bytes; netlink(7), linux/netlink.h.
 *
 * Numbers are in the host's order, which is little-endian on every processor Fathom runs on, unless a name says `be`.
 */

/** What an attribute holds: bytes, or further attributes. */
export type Attribute = readonly [type: number, value: Uint8Array | readonly Attribute[]];

const HEADER = 4;
const ALIGNMENT = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER stand in the type's upper bits. */
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

/** Up to the next multiple of four. */
export function aligned(length: number): number {
  return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/** Attributes one behind the other, as the kernel reads them. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(sizeOf(attributes));
  writeAttributes(attributes, bytes, 0);
  return bytes;
}

function sizeOf(attributes: readonly Attribute[]): number {
  return attributes.reduce((sum, [, value]) => sum + aligned(HEADER + lengthOf(value)), 0);
}

function lengthOf(value: Attribute[1]): number {
  return value instanceof Uint8Array ? value.length : sizeOf(value);
}

function writeAttributes(attributes: readonly Attribute[], bytes: Uint8Array, start: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (const [type, value] of attributes) {
    const length = HEADER + lengthOf(value);
    const isNested = !(value instanceof Uint8Array);
    view.setUint16(at, length, true);
    view.setUint16(at + 2, isNested ? type | NESTED : type, true);
    if (isNested) writeAttributes(value, bytes, at + HEADER);
    else bytes.set(value, at + HEADER);
    at += aligned(length);
  }
}

/** The values by type; of a type that stands twice the last. What is cut short is left out. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < HEADER || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + HEADER, at + length));
    at += aligned(length);
  }
  return found;
}

/** The values of a list, whose parts all have the same type; nothing where it is absent. */
export function decodeList(bytes: Uint8Array | undefined): Uint8Array[] {
  const values: Uint8Array[] = [];
  for (let rest = bytes ?? new Uint8Array(); rest.length >= HEADER; ) {
    const length = new DataView(rest.buffer, rest.byteOffset).getUint16(0, true);
    if (length < HEADER || length > rest.length) break;
    values.push(rest.subarray(HEADER, length));
    rest = rest.subarray(Math.min(aligned(length), rest.length));
  }
  return values;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function u32(value: number): Uint8Array {
  return u32s(value);
}

/** Several words in a row, as in a structure that consists of nothing else. */
export function u32s(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setUint32(4 * index, value, true);
  });
  return bytes;
}

/** In network order, as nftables has its numbers. */
export function be32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function be64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Text with its terminating NUL. */
export const text = (value: string): Uint8Array => encoder.encode(`${value}\0`);

/** Bytes one behind the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The number of an attribute of four bytes; 0 where it is absent or shorter. */
export function readU32(bytes: Uint8Array | undefined): number {
  if (bytes === undefined || bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

export function readBe32(bytes: Uint8Array | undefined): number {
  if (bytes === undefined || bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
}

/** Text up to its NUL; empty where the attribute is absent. */
export function readText(bytes: Uint8Array | undefined): string {
  return decoder.decode(bytes ?? new Uint8Array()).replace(/\0.*$/s, "");
}

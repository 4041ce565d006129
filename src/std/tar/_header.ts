/**
 * Header blocks: V7, POSIX ustar, GNU and star.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"; tar(5) of libarchive.
 */

import { BLOCK, bytesField, damaged, type Field, numberField } from "./_fields.ts";

/** A header block's content, before extended headers are laid over it. */
export interface Header {
  type: string;
  name: Uint8Array;
  linkName: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes stored behind the header. */
  size: number;
  /** Seconds since the epoch. */
  mtime: number;
  major: number;
  minor: number;
  gnu: boolean;
}

const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  linkName: [157, 100],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  starPrefix: [345, 131],
} as const satisfies Record<string, Field>;

const TYPE_AT = 156;
const USTAR = "ustar\0";
const GNU = "ustar  \0";
const PERMISSIONS = 0o7777;

/** Whether a block is all zeros: the archive's end. */
export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** @throws {FathomError} invalid, when the checksum is wrong or a field is malformed. */
export function parseHeader(block: Uint8Array): Header {
  verifyChecksum(block);
  const posix = latin1(block, [257, 6]) === USTAR;
  const gnu = latin1(block, [257, 8]) === GNU;
  const extended = posix || gnu;
  return {
    type: String.fromCharCode(block[TYPE_AT] ?? 0),
    name: posix ? prefixed(block) : bytesField(block, FIELD.name),
    linkName: bytesField(block, FIELD.linkName),
    mode: numberField(block, FIELD.mode) & PERMISSIONS,
    uid: numberField(block, FIELD.uid),
    gid: numberField(block, FIELD.gid),
    size: numberField(block, FIELD.size),
    mtime: numberField(block, FIELD.mtime),
    major: extended ? numberField(block, FIELD.major) : 0,
    minor: extended ? numberField(block, FIELD.minor) : 0,
    gnu,
  };
}

/** A name of more than 100 bytes is cut at a slash into prefix and name. */
function prefixed(block: Uint8Array): Uint8Array {
  const star = latin1(block, [508, 4]) === "tar\0";
  const prefix = bytesField(block, star ? FIELD.starPrefix : FIELD.prefix);
  const name = bytesField(block, FIELD.name);
  if (prefix.length === 0) return name;
  const whole = new Uint8Array(prefix.length + 1 + name.length);
  whole.set(prefix);
  whole[prefix.length] = 0x2f;
  whole.set(name, prefix.length + 1);
  return whole;
}

/** The sum of all bytes, the checksum's own counted as spaces; old writers summed signed bytes. */
function verifyChecksum(block: Uint8Array): void {
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  const [start, length] = FIELD.checksum;
  for (let at = 0; at < BLOCK; at += 1) {
    if (at >= start && at < start + length) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  const stated = numberField(block, FIELD.checksum);
  if (stated !== unsigned && stated !== signed) throw damaged("a header's checksum is wrong");
}

function latin1(block: Uint8Array, [start, length]: Field): string {
  return String.fromCharCode(...block.subarray(start, start + length));
}

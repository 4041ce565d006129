/** Addresses and subnets of both families as numbers, and back; RFC 4291, RFC 5952. Pure. */

import { FathomError } from "./errors.ts";

export type Family = 4 | 6;

/** An address: its family, and its bits as a number. */
export interface Ip {
  family: Family;
  value: bigint;
}

/** A network: its first address, and how many leading bits it fixes. */
export interface Subnet {
  family: Family;
  base: bigint;
  prefix: number;
}

/** An address in its network, as `172.18.0.1/16` and `fd00::1/64` name both. */
export interface AddressInSubnet extends Subnet {
  address: bigint;
}

const BITS: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };
const GROUP_BITS = 16n;
const GROUPS = 8;

/** @throws {FathomError} invalid */
export function parseIp(text: string): Ip {
  const value = text.includes(":") ? parse6(text) : parse4(text);
  if (value === undefined) throw new FathomError("invalid", `invalid IP address: ${JSON.stringify(text)}`);
  return { family: text.includes(":") ? 6 : 4, value };
}

function parse4(text: string): bigint | undefined {
  const parts = text.split(".");
  const isAddress =
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isAddress ? parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) : undefined;
}

function parse6(text: string): bigint | undefined {
  const [head = "", tail, more] = text.split("::");
  if (more !== undefined) return undefined;
  const [left, right] = [groupsOf(head), groupsOf(tail ?? "")];
  if (left === undefined || right === undefined) return undefined;
  const missing = GROUPS - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...Array<bigint>(missing).fill(0n), ...right].reduce(
    (sum, group) => (sum << GROUP_BITS) | group,
    0n,
  );
}

/** The groups of one side of `::`; the last may be written as an IPv4 address. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const v4 = part.includes(".") && at === parts.length - 1 ? parse4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> GROUP_BITS, v4 & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

export function ipText({ family, value }: Ip): string {
  return family === 4 ? text4(value) : text6(value);
}

function text4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
}

/** The longest run of zeros, the first of equals, is left out: RFC 5952, section 4.2. */
function text6(value: bigint): string {
  const groups = Array.from({ length: GROUPS }, (_, at) =>
    ((value >> (GROUP_BITS * BigInt(GROUPS - 1 - at))) & 0xffffn).toString(16),
  );
  const runs = `:${groups.join(":")}:`.match(/(?<=:)(?:0:){2,}/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  const whole = `${groups.join(":")}:`;
  if (longest === "") return whole.slice(0, -1);
  const at = `:${whole}`.indexOf(`:${longest}`);
  const [before, after] = [whole.slice(0, at), whole.slice(at + longest.length)];
  return `${before.replace(/:$/, "")}::${after.replace(/:$/, "")}`;
}

/** In network order: four bytes, or sixteen. */
export function ipBytes({ family, value }: Ip): Uint8Array {
  const bytes = new Uint8Array(BITS[family] / 8);
  let left = value;
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at] = Number(left & 0xffn);
    left >>= 8n;
  }
  return bytes;
}

/** The address of so many bytes in network order. */
export function ipOfBytes(bytes: Uint8Array): Ip {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** `172.18.0.1/16` or `fd00::1/64`: the address, and the network it is in. @throws {FathomError} invalid */
export function parseSubnet(text: string): AddressInSubnet {
  const [, name = "", bits = ""] = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(text) ?? [];
  const prefix = Number(bits);
  const wrong = new FathomError("invalid", `invalid CIDR address: ${text}`);
  const value = name.includes(":") ? parse6(name) : parse4(name);
  const family = name.includes(":") ? 6 : 4;
  if (value === undefined || bits === "" || prefix > BITS[family]) throw wrong;
  return { family, address: value, prefix, base: value & ~hostMask({ family, prefix }) };
}

function hostMask({ family, prefix }: Pick<Subnet, "family" | "prefix">): bigint {
  return (1n << BigInt(BITS[family] - prefix)) - 1n;
}

/** The bits that a network fixes. */
export function maskOf({ family, prefix }: Pick<Subnet, "family" | "prefix">): bigint {
  return ((1n << BigInt(BITS[family])) - 1n) & ~hostMask({ family, prefix });
}

export function lastOf(subnet: Subnet): bigint {
  return subnet.base | hostMask(subnet);
}

export function subnetText({ family, base, prefix }: Subnet): string {
  return `${ipText({ family, value: base })}/${prefix}`;
}

export function holds(subnet: Subnet, { family, value }: Ip): boolean {
  return family === subnet.family && value >= subnet.base && value <= lastOf(subnet);
}

export function overlapping(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && a.base <= lastOf(b) && b.base <= lastOf(a);
}

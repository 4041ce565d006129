/**
 * Writes tar archives from the entries that the reader gives: ustar headers, and a pax header before those that need one.
 *
 * The same entries give the same bytes: no clock, no names of users and no access times are in them. Content passes by the writer,
 * so that large files stream. Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format".
 */

import { BLOCK } from "./_fields.ts";
import type { TarEntry, TarType } from "./entry.ts";

const TYPE_FLAGS: Record<TarType, string> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

const SECOND = 1_000_000_000n;
/** What fits into fields of 7 and 11 octal digits. */
const MOST_OWNER = 0o7777777;
const MOST_SIZE = 0o77777777777;
const LONGEST_NAME = 100;
const ENCODER = new TextEncoder();

/** The header of an entry, with a pax header before it where needed. Content follows, then `tarPadding(size)`. */
export function entryHeader(entry: TarEntry): Uint8Array {
  const extended = paxRecords(entry);
  if (extended.length === 0) return ustarHeader(entry);
  const size = extended.length;
  const pax = ustarHeader({ ...NO_FILE, path: PAX_NAME, size, mode: 0o644 }, "x");
  const block = new Uint8Array(BLOCK + size + paddingOf(size) + BLOCK);
  block.set(pax);
  block.set(extended, BLOCK);
  block.set(ustarHeader(entry), block.length - BLOCK);
  return block;
}

/** Zeros that fill the last block of a content of `size` bytes. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array(paddingOf(size));
}

/** The two empty blocks that end an archive. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}

const PAX_NAME = ENCODER.encode("PaxHeaders/entry");
/** An empty file of root's without a name, made at the epoch: what entries that are made by hand begin with. */
export const NO_FILE: TarEntry = {
  type: "file",
  path: new Uint8Array(0),
  linkPath: new Uint8Array(0),
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0n,
  device: { major: 0, minor: 0 },
  xattrs: new Map(),
};

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function ustarHeader(entry: TarEntry, typeFlag = TYPE_FLAGS[entry.type]): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  header.set(entry.path.subarray(0, LONGEST_NAME), 0);
  octal(header, [100, 8], entry.mode);
  octal(header, [108, 8], fitting(entry.uid, MOST_OWNER));
  octal(header, [116, 8], fitting(entry.gid, MOST_OWNER));
  octal(header, [124, 12], fitting(entry.size, MOST_SIZE));
  octal(header, [136, 12], fitting(Number(entry.mtime / SECOND), MOST_SIZE));
  header.write(typeFlag, 156);
  header.set(entry.linkPath.subarray(0, LONGEST_NAME), 157);
  header.write("ustar\x0000", 257);
  octal(header, [329, 8], entry.device.major);
  octal(header, [337, 8], entry.device.minor);
  header.write("        ", 148);
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += header[at] ?? 0;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function octal(header: Buffer, [at, length]: readonly [number, number], value: number): void {
  header.write(value.toString(8).padStart(length - 1, "0"), at);
}

/** What does not fit stands in a pax record. */
function fitting(value: number, most: number): number {
  return value < 0 || value > most ? 0 : value;
}

/** Attributes in the order of their names. */
function paxRecords(entry: TarEntry): Uint8Array {
  const records: Uint8Array[] = [];
  const add = (key: string, value: string | Uint8Array) => records.push(paxRecord(key, value));
  if (needsPax(entry.path)) add("path", entry.path);
  if (needsPax(entry.linkPath)) add("linkpath", entry.linkPath);
  if (entry.size > MOST_SIZE) add("size", String(entry.size));
  if (entry.uid > MOST_OWNER) add("uid", String(entry.uid));
  if (entry.gid > MOST_OWNER) add("gid", String(entry.gid));
  if (entry.mtime % SECOND !== 0n || entry.mtime < 0n || entry.mtime / SECOND > BigInt(MOST_SIZE))
    add("mtime", secondsText(entry.mtime));
  for (const [name, value] of [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    add(`SCHILY.xattr.${name}`, value);
  return records.length === 0 ? EMPTY : Buffer.concat(records);
}

const EMPTY = new Uint8Array(0);

/** Also names beyond ASCII, which old readers would take for whatever their locale says. */
function needsPax(name: Uint8Array): boolean {
  return name.length > LONGEST_NAME || name.some((byte) => byte > 0x7f);
}

/** `1700000000.5`, `-0.25`. */
function secondsText(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${nanoseconds < 0n ? "-" : ""}${size / SECOND}${fraction === "" ? "" : `.${fraction}`}`;
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits too. */
function paxRecord(key: string, value: string | Uint8Array): Uint8Array {
  const content = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as Uint8Array), NEWLINE]);
  let length = content.length + String(content.length).length;
  length = content.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), content]);
}

const NEWLINE = Buffer.from("\n");

/** A file or a tree of this host as an archive. */

import type { BigIntStats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import type { TarEntry, TarType } from "../../std/tar/entry.ts";
import { entryHeader, tarEnd, tarPadding } from "../../std/tar/writer.ts";
import { CommandError } from "../errors.ts";
import type { Source } from "./plan.ts";

/** Names of files are bytes, so paths are Buffers here. */
interface Node {
  file: Buffer;
  name: Buffer;
}

const SLASH = Buffer.from("/");

/** The archive with its top called `name`; sockets are left out. */
export async function* packLocal({ path }: Source, name: string): AsyncGenerator<Uint8Array, void> {
  const firsts = new Map<string, Buffer>();
  const left: Node[] = [{ file: Buffer.from(path), name: Buffer.from(name) }];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    const facts = await lstat(node.file, { bigint: true });
    const entry = await entryOf(node, facts);
    if (entry === undefined) continue;
    const inode = `${facts.dev}:${facts.ino}`;
    const first = entry.type === "directory" ? undefined : firsts.get(inode);
    if (first !== undefined) {
      yield entryHeader({ ...entry, type: "link", linkPath: first, size: 0 });
      continue;
    }
    if (facts.nlink > 1n) firsts.set(inode, node.name);
    yield entryHeader(entry);
    if (entry.type === "file") yield* content(node.file, entry.size);
    if (entry.type === "directory") left.push(...(await childrenOf(node)).reverse());
  }
  yield tarEnd();
}

async function childrenOf({ file, name }: Node): Promise<Node[]> {
  const names = await readdir(file, { encoding: "buffer" });
  return names.sort(Buffer.compare).map((child) => ({
    file: Buffer.concat([file, SLASH, child]),
    name: Buffer.concat(name.at(-1) === SLASH[0] ? [name, child] : [name, SLASH, child]),
  }));
}

async function entryOf({ file, name }: Node, facts: BigIntStats): Promise<TarEntry | undefined> {
  const type = typeOf(facts);
  if (type === undefined) return undefined;
  const isDevice = type === "character" || type === "block";
  return {
    type,
    path: type === "directory" && name.at(-1) !== SLASH[0] ? Buffer.concat([name, SLASH]) : name,
    linkPath: type === "symlink" ? await readlink(file, { encoding: "buffer" }) : NOTHING,
    mode: Number(facts.mode) & 0o7777,
    uid: Number(facts.uid),
    gid: Number(facts.gid),
    size: type === "file" ? Number(facts.size) : 0,
    mtime: facts.mtimeNs,
    device: isDevice ? deviceOf(facts.rdev) : { major: 0, minor: 0 },
    xattrs: new Map(),
  };
}

const NOTHING = new Uint8Array(0);

function typeOf(facts: BigIntStats): TarType | undefined {
  if (facts.isFile()) return "file";
  if (facts.isDirectory()) return "directory";
  if (facts.isSymbolicLink()) return "symlink";
  if (facts.isCharacterDevice()) return "character";
  if (facts.isBlockDevice()) return "block";
  return facts.isFIFO() ? "fifo" : undefined;
}

/** As makedev(3) of glibc puts them together. */
function deviceOf(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xfff_ff00n);
  return { major: Number(major), minor: Number(minor) };
}

async function* content(file: Buffer, size: number): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  for await (const bytes of Bun.file(new Uint8Array(file)).stream()) {
    const part = bytes.subarray(0, size - sent);
    sent += part.length;
    yield part;
    if (sent === size) break;
  }
  if (sent < size) throw new CommandError(`${file} became shorter while it was read: try again`);
  yield tarPadding(size);
}

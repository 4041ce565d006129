/** For this folder's tests: stores of their own, archives made by hand and by GNU tar, trees described for comparison. */

import { lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { majorMinor, S, sys } from "../kernel/mod.ts";
import { ifAbsent } from "../std/absent.ts";
import { driverNamed, type ImageStore, importImage, listImages, openImages, settleImages } from "./mod.ts";
import type { StoreOptions } from "./store.ts";

/** A directory of its own for a test, removed at the end of its scope. */
export async function testDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp("/tmp/fathom-test-image-");
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A store in a directory of its own. */
export async function testStore(
  options: Partial<StoreOptions> = {},
): Promise<AsyncDisposable & { store: ImageStore; root: string }> {
  const directory = await testDirectory();
  const store = openImages({ root: directory.path, driver: driverNamed("overlay2"), ...options });
  return {
    store,
    root: directory.path,
    [Symbol.asyncDispose]: async () => {
      await settleImages(store);
      await directory[Symbol.asyncDispose]();
    },
  };
}

export interface TarFields {
  name: string;
  /** POSIX type flag; a file unless given. */
  type?: string;
  link?: string;
  content?: string | Buffer;
  mode?: number;
  uid?: number;
  device?: [major: number, minor: number];
  pax?: Record<string, string>;
}

/** An archive made by hand, for what GNU tar would not write. */
export function tarOf(...entries: TarFields[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), Buffer.alloc(1024)]);
}

function entryBlocks({ pax, ...entry }: TarFields): Buffer[] {
  const blocks = [headerBlock(entry), paddedContent(entry.content ?? "")];
  if (pax === undefined) return blocks;
  const content = Object.entries(pax).map(paxRecord).join("");
  return [headerBlock({ name: "pax", type: "x", content }), paddedContent(content), ...blocks];
}

function headerBlock(entry: TarFields): Buffer {
  const block = Buffer.alloc(512);
  const octal = (at: number, length: number, value: number) =>
    block.write(value.toString(8).padStart(length - 1, "0"), at);
  block.write(entry.name, 0, 100);
  octal(100, 8, entry.mode ?? 0o644);
  octal(108, 8, entry.uid ?? 0);
  octal(116, 8, 0);
  octal(124, 12, Buffer.byteLength(entry.content ?? ""));
  octal(136, 12, 1_000_000_000);
  block.fill(0x20, 148, 156);
  block.write(entry.type ?? "0", 156);
  block.write(entry.link ?? "", 157, 100);
  block.write("ustar\x0000", 257);
  octal(329, 8, entry.device?.[0] ?? 0);
  octal(337, 8, entry.device?.[1] ?? 0);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function paddedContent(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function paxRecord([key, value]: [string, string]): string {
  const rest = ` ${key}=${value}\n`;
  const size = Buffer.byteLength(rest);
  const digits = String(size + String(size).length).length;
  return `${size + digits}${rest}`;
}

/** The bytes as a stream, in chunks. */
export async function* streamOf(bytes: Uint8Array, chunk = 10_000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

/** Everything about a tree that unpacking must get right, a line for each file; the root itself is left out. */
export async function describeTree(root: string): Promise<string[]> {
  const names = await namesBelow(root, "");
  const first = new Map<bigint, string>();
  const lines: string[] = [];
  for (const name of names.sort()) lines.push(await describeFile(root, name, first));
  return lines;
}

/** Bun's own recursive readdir follows symbolic links. */
async function namesBelow(root: string, below: string): Promise<string[]> {
  const directory = Buffer.from(join(root, below), "latin1");
  const found: string[] = [];
  for (const name of await readdir(directory, { encoding: "buffer" })) {
    const path = join(below, name.toString("latin1"));
    const facts = await lstat(Buffer.from(join(root, path), "latin1")).catch(ifAbsent(undefined));
    // Overlay lists a whiteout in a directory that one layer alone has, and shows nothing there.
    if (facts === undefined) continue;
    found.push(path);
    if (facts.isDirectory()) found.push(...(await namesBelow(root, path)));
  }
  return found;
}

async function describeFile(root: string, name: string, first: Map<bigint, string>): Promise<string> {
  const path = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, "latin1")]);
  const { mode, uid, gid, size, mtimeNs, blocks, nlink, rdev, ino } = await lstat(path, { bigint: true });
  const type = Number(mode) & S.IFMT;
  const facts: Record<string, unknown> = { mode: mode.toString(8), uid, gid, mtimeNs };
  if (type !== S.IFDIR) facts.nlink = nlink;
  if (type === S.IFREG) Object.assign(facts, { size, blocks, content: Bun.hash(await readFile(path)) });
  if (type === S.IFLNK) facts.target = (await readlink(path, { encoding: "buffer" })).toString("latin1");
  if (type === S.IFCHR || type === S.IFBLK) facts.device = majorMinor(Number(rdev));
  if (nlink > 1n && type !== S.IFDIR) facts.sameAs = first.get(ino) ?? name;
  if (!first.has(ino)) first.set(ino, name);
  Object.assign(facts, attributesOf(path));
  return `${name} ${Object.entries(facts)
    .map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(" ")}`;
}

/** Extended attributes with their values. */
export function attributesOf(path: string | Buffer): Record<string, string> {
  const name = Buffer.concat([Buffer.from(path), Buffer.of(0)]);
  const list = Buffer.alloc(65_536);
  const length = sys("llistxattr", name, list, list.length);
  const attributes = list.subarray(0, Math.max(length, 0)).toString().split("\0").filter(Boolean).sort();
  return Object.fromEntries(
    attributes.map((attribute) => {
      const value = Buffer.alloc(65_536);
      const size = sys("lgetxattr", name, attribute, value, value.length);
      return [attribute, value.subarray(0, size).toString("hex")];
    }),
  );
}

/** Names directly in a directory, sorted; none where it is not there. */
export async function namesIn(...path: string[]): Promise<string[]> {
  return (await readdir(join(...path)).catch(() => [])).sort();
}

export async function putImage(
  store: ImageStore,
  content: string,
  reference?: string,
  changes: string[] = [],
): Promise<string> {
  const archive = streamOf(tarOf({ name: "file", content }));
  const { id } = await importImage(store, archive, {
    changes,
    ...(reference !== undefined && { reference }),
  });
  return id;
}

/** The familiar tags of all images that pass the filters, sorted. */
export const tagsOf = async (store: ImageStore, filters: Record<string, string[]> = {}) =>
  (await listImages(store, { filters })).flatMap(({ RepoTags }) => RepoTags).sort();

/** All files of the store but the index. */
export async function filesOf(root: string): Promise<string[]> {
  return [
    ...(await namesIn(root, "images", "blobs", "sha256")),
    ...(await namesIn(root, "images", "ingest")),
    ...(await namesIn(root, "layers")),
    ...(await namesIn(root, "layers", "ingest")),
  ];
}

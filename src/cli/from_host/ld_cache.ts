/** Where this host's dynamic loader looks for libraries: /etc/ld.so.cache, /etc/ld.so.conf and its own default directories. */

import { readdir } from "node:fs/promises";

const CACHE = "/etc/ld.so.cache";
const CONFIG = "/etc/ld.so.conf";
const MAGIC = "glibc-ld.so.cache1.1";
const HEADER_SIZE = 48;
const ENTRY_SIZE = 24;
/** FLAG_X8664_LIB64 and FLAG_AARCH64_LIB64 of glibc's ldconfig.h, with FLAG_ELF_LIBC6. */
const WANTED_FLAGS: Readonly<Record<string, number>> = { x64: 0x0303, arm64: 0x0a03 };
const TRIPLETS: Readonly<Record<string, string>> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
const MOST_INCLUDES = 100;

export interface LoaderPaths {
  /** Paths by library name, the plain one before those for particular processors. */
  cache: ReadonlyMap<string, readonly string[]>;
  /** Directories to look in where the cache has nothing. */
  directories: readonly string[];
  /** What stands for `$LIB` in a search path. */
  libNames: readonly string[];
}

/** Reads the loader's configuration; files that are not there are empty. */
export async function readLoaderPaths(): Promise<LoaderPaths> {
  const triplet = TRIPLETS[process.arch] ?? "";
  const defaults = [`/lib/${triplet}`, `/usr/lib/${triplet}`, "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
  const [cache, configured] = await Promise.all([readCache(), readConfig(CONFIG, { left: MOST_INCLUDES })]);
  return { cache, directories: [...configured, ...defaults], libNames: [`lib/${triplet}`, "lib64", "lib"] };
}

async function readCache(): Promise<Map<string, string[]>> {
  const file = Bun.file(CACHE);
  return (await file.exists()) ? parseCache(await file.bytes()) : new Map();
}

/**
 * Parses ld.so.cache in the format that glibc has written since 2.2 (struct cache_file_new of its dl-cache.h), alone or behind the older
 * one. Anything else gives nothing.
 */
export function parseCache(bytes: Uint8Array): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(MAGIC);
  if (start < 0 || bytes.length < start + HEADER_SIZE) return found;
  const data = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
  const count = Math.min(data.getUint32(20, true), Math.floor((data.byteLength - HEADER_SIZE) / ENTRY_SIZE));
  for (let index = 0; index < count; index++) {
    const at = HEADER_SIZE + index * ENTRY_SIZE;
    if (data.getUint32(at, true) !== WANTED_FLAGS[process.arch]) continue;
    const name = textAt(data, data.getUint32(at + 4, true));
    const path = textAt(data, data.getUint32(at + 8, true));
    const isPlain = data.getBigUint64(at + 16, true) === 0n;
    const known = found.get(name) ?? [];
    found.set(name, isPlain ? [path, ...known] : [...known, path]);
  }
  return found;
}

function textAt(data: DataView, at: number): string {
  if (at >= data.byteLength) return "";
  const bytes = new Uint8Array(data.buffer, data.byteOffset + at, data.byteLength - at);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, Math.max(end, 0)));
}

/** Directories of ld.so.conf and of the files it includes (ldconfig(8)). */
async function readConfig(path: string, budget: { left: number }): Promise<string[]> {
  const file = Bun.file(path);
  if (budget.left-- <= 0 || !(await file.exists())) return [];
  const directories: string[] = [];
  for (const line of (await file.text()).split("\n")) {
    const text = line.replace(/#.*/, "").trim();
    const pattern = /^include\s+(.+)$/.exec(text)?.[1];
    if (pattern) {
      for (const included of await matching(pattern))
        directories.push(...(await readConfig(included, budget)));
    } else if (text.startsWith("/")) directories.push(text);
  }
  return directories;
}

/** Files of an include pattern, whose last part may have `*` in it. */
async function matching(pattern: string): Promise<string[]> {
  const path = pattern.startsWith("/") ? pattern : `/etc/${pattern}`;
  const slash = path.lastIndexOf("/");
  const [directory, name] = [path.slice(0, slash), path.slice(slash + 1)];
  const expression = new RegExp(
    `^${name
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  const names = await readdir(directory).catch(() => [] as string[]);
  return names
    .filter((file) => expression.test(file))
    .sort()
    .map((file) => `${directory}/${file}`);
}

/** The tree as a tar archive, with the few files that every root file system has. */

import type { TarEntry } from "../../std/tar/entry.ts";
import { entryHeader, NO_FILE, tarEnd, tarPadding } from "../../std/tar/writer.ts";
import type { Node, Tree } from "./tree.ts";

const TEXTS: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  "etc/group": "root:x:0:\nnogroup:x:65534:\n",
};

const DIRECTORIES: Readonly<Record<string, number>> = {
  etc: 0o755,
  root: 0o700,
  tmp: 0o1777,
  var: 0o755,
  "var/tmp": 0o1777,
};

/**
 * Taken over where they are there: the loader's cache, whose entries for what the image does not have it passes over, and the places
 * that programs and scripts name by heart (`#!/bin/sh`), which are links into /usr on most systems.
 */
export const COMMON_PATHS = ["/etc/ld.so.cache", "/bin", "/sbin", "/lib", "/lib64"];

/** Streams the archive: directories before what is in them, hard links kept. Throws when a file changes its size meanwhile. */
export async function* archive(tree: Tree): AsyncGenerator<Uint8Array, void> {
  yield* fixedEntries(tree);
  const firsts = new Map<string, string>();
  for (const [path, node] of [...tree.nodes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = path.slice(1);
    if (name in DIRECTORIES || name in TEXTS) continue;
    const inode = `${node.stats.dev}:${node.stats.ino}`;
    const first = node.type === "file" && node.stats.nlink > 1 ? firsts.get(inode) : undefined;
    if (first !== undefined) {
      yield entryHeader({ ...common(name, node), type: "link", linkPath: bytes(first) });
      continue;
    }
    firsts.set(inode, name);
    yield* entry(path, name, node);
  }
  yield tarEnd();
}

function* fixedEntries(tree: Tree): Generator<Uint8Array, void> {
  for (const [path, mode] of Object.entries(DIRECTORIES)) {
    // Where the host has a link, as /var/tmp may be, the link is taken over.
    if (tree.nodes.get(`/${path}`)?.type === "symlink") continue;
    yield entryHeader({ ...NO_FILE, path: bytes(`${path}/`), type: "directory", mode });
  }
  for (const [path, text] of Object.entries(TEXTS)) {
    const content = bytes(text);
    yield entryHeader({ ...NO_FILE, path: bytes(path), mode: 0o644, size: content.length });
    yield content;
    yield tarPadding(content.length);
  }
}

async function* entry(path: string, name: string, node: Node): AsyncGenerator<Uint8Array, void> {
  switch (node.type) {
    case "directory":
      yield entryHeader({ ...common(`${name}/`, node), type: "directory" });
      return;
    case "symlink":
      yield entryHeader({ ...common(name, node), type: "symlink", linkPath: bytes(node.target) });
      return;
    case "file":
      yield entryHeader({ ...common(name, node), size: node.stats.size });
      yield* content(path, node.stats.size);
      yield tarPadding(node.stats.size);
  }
}

async function* content(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  for await (const bytes of Bun.file(path).stream()) {
    sent += bytes.length;
    if (sent > size) break;
    yield bytes;
  }
  if (sent !== size) throw new Error(`${path} changed while it was read: try again`);
}

function common(path: string, { stats }: Node): TarEntry {
  const mtime = BigInt(Math.floor(stats.mtimeMs / 1000)) * 1_000_000_000n;
  return { ...NO_FILE, path: bytes(path), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, mtime };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * Names inside an archive, as bytes.
 *
 * Linux names are bytes, not text. They are held as strings of one character per byte, which split, compare and serve as map
 * keys exactly, and are turned into NUL-terminated memory only for the system call.
 */

import type { ByteString } from "../kernel/mod.ts";

/** A normalised path cut at its last slash: `parent` is "" for the root itself. */
export interface EntryPlace {
  parent: ByteString;
  name: ByteString;
}

const ODD_COMPONENT = /(?:^|\/)\.{0,2}(?:\/|$)/;

export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The path without `.`, `..` and doubled slashes, "" for the root; undefined where it is absolute or leaves the root. */
export function normalise(path: ByteString): ByteString | undefined {
  if (path.startsWith("/")) return undefined;
  let plain = path.startsWith("./") ? path.slice(2) : path;
  if (plain.endsWith("/")) plain = plain.slice(0, -1);
  return ODD_COMPONENT.test(plain) ? resolveDots(plain) : plain;
}

function resolveDots(path: ByteString): ByteString | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

export function cutPath(path: ByteString): EntryPlace {
  const slash = path.lastIndexOf("/");
  return { parent: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}

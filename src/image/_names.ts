/**
 * Names inside an archive, as bytes.
 *
 * Linux names are bytes, not text. They are held as strings of one character per byte, which split, compare and serve as map
 * keys exactly, and are turned into NUL-terminated memory only for the system call.
 */

import { FathomError } from "../std/errors.ts";

/** One character per byte (latin1). */
export type ByteString = string;

/** A normalised path cut at its last slash: `parent` is "" for the root itself. */
export interface EntryPlace {
  parent: ByteString;
  name: ByteString;
}

const ODD_COMPONENT = /(?:^|\/)\.{0,2}(?:\/|$)/;
const PATH_MAX = 4096;

export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The name as a person reads it, quoted. */
export function shownName(name: ByteString): string {
  return JSON.stringify(Buffer.from(name, "latin1").toString());
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

/**
 * Memory for the names of one system call. Two names fit at a time, and each is overwritten by the next of its kind, so that
 * unpacking allocates nothing for them.
 */
const memory = [Buffer.alloc(PATH_MAX + 64), Buffer.alloc(PATH_MAX + 64)] as const;

/** The NUL-terminated bytes of a name, until the next call of `nameBytes` in the same `slot`. @throws {FathomError} invalid */
export function nameBytes(name: ByteString, slot: 0 | 1 = 0): Uint8Array {
  if (name.length >= PATH_MAX) {
    throw new FathomError(
      "invalid",
      `the archive has a name of ${name.length} bytes; Linux allows ${PATH_MAX - 1}`,
    );
  }
  const buffer = memory[slot];
  const end = buffer.write(name, 0, "latin1");
  buffer[end] = 0;
  return buffer;
}

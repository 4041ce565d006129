/**
 * What the layers below a snapshot show at a path, as overlay merges them, without a mount.
 *
 * Layers do not change, so paths serve; nobody but the engine can put a link among them. Source: Linux,
 * Documentation/filesystems/overlayfs.rst (whiteouts and opaque directories).
 */

import {
  AT,
  type At,
  attributesOf,
  type ByteString,
  closeFd,
  factsOf,
  namesIn,
  openDirectory,
  S,
  type Stat,
} from "../kernel/mod.ts";
import { isWhiteout, OPAQUE_ATTRIBUTES } from "./_whiteout.ts";

/** The directories of the layers that together are one directory, topmost first. */
export type LowerDirectory = readonly ByteString[];

export interface LowerFile {
  at: At;
  facts: Stat;
  /** What is below it; nothing where it is no directory. */
  directory: LowerDirectory;
}

/** The directories of layers, as paths of text. */
export function lowerRoot(layers: readonly string[]): LowerDirectory {
  return layers.map((layer) => Buffer.from(layer).toString("latin1"));
}

/** What has a name in a directory; undefined where nothing has. */
export function lookUp(directory: LowerDirectory, name: ByteString): LowerFile | undefined {
  let top: Pick<LowerFile, "at" | "facts"> | undefined;
  const below: ByteString[] = [];
  for (const layer of directory) {
    const path = `${layer}/${name}`;
    const at = { directory: AT.FDCWD, name: path };
    const facts = factsOf(at);
    if (facts === undefined) continue;
    const isDirectory = (facts.mode & S.IFMT) === S.IFDIR;
    if (isWhiteout(facts) || (top !== undefined && !isDirectory)) break;
    top ??= { at, facts };
    if (!isDirectory) break;
    below.push(path);
    if (isOpaque(at)) break;
  }
  return top === undefined ? undefined : { ...top, directory: below };
}

/** The names that a directory shows. */
export function namesOf(directory: LowerDirectory): ByteString[] {
  const names = new Set(directory.flatMap(readNames));
  return [...names].filter((name) => lookUp(directory, name) !== undefined);
}

function readNames(path: ByteString): ByteString[] {
  const fd = openDirectory({ directory: AT.FDCWD, name: path });
  if (fd < 0) return [];
  try {
    return namesIn(fd);
  } finally {
    closeFd(fd);
  }
}

const NAMES: readonly string[] = OPAQUE_ATTRIBUTES;

/** Whether a directory of a layer, or of what a container wrote, hides all that is below it. */
export function isOpaque(at: At): boolean {
  const values = attributesOf(at, (attribute) => NAMES.includes(attribute)).values();
  return [...values].some((value) => String.fromCharCode(...value) === "y");
}

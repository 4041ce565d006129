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

/** What several layers have at one name, merged: what they show, and whether anything of the layers beneath them shows through. */
export interface MergedName {
  /** Absent where they show nothing: a whiteout. */
  top: Pick<LowerFile, "at" | "facts"> | undefined;
  directory: LowerDirectory;
  /** Nothing beneath these layers is seen there: they have a whiteout, a file, or a directory that is opaque. */
  closed: boolean;
}

/** Undefined where none of the layers says anything of the name. */
export function mergedAt(directory: LowerDirectory, name: ByteString): MergedName | undefined {
  let top: MergedName["top"];
  const below: ByteString[] = [];
  let closed = false;
  for (const layer of directory) {
    const path = `${layer}/${name}`;
    const at = { directory: AT.FDCWD, name: path };
    const facts = factsOf(at);
    if (facts === undefined) continue;
    const isDirectory = (facts.mode & S.IFMT) === S.IFDIR;
    const hides = isWhiteout(facts) || (top !== undefined && !isDirectory);
    if (!hides) top ??= { at, facts };
    if (isDirectory) below.push(path);
    closed = !isDirectory || isOpaque(at);
    if (closed) break;
  }
  return top === undefined && !closed ? undefined : { top, directory: below, closed };
}

/** What has a name in a directory; undefined where nothing has. */
export function lookUp(directory: LowerDirectory, name: ByteString): LowerFile | undefined {
  const found = mergedAt(directory, name);
  return found?.top === undefined ? undefined : { ...found.top, directory: found.directory };
}

/** The names that a directory shows. */
export function namesOf(directory: LowerDirectory): ByteString[] {
  const names = new Set(directory.flatMap(readNames));
  return [...names].filter((name) => lookUp(directory, name) !== undefined);
}

/** The names that one directory of a layer has, whiteouts among them. */
export function readNames(path: ByteString): ByteString[] {
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

/**
 * Whiteouts: how a layer says that a file of the layers below is gone.
 *
 * An archive has an empty file `.wh.NAME` for it, and `.wh..wh..opq` for "nothing below of this directory"; overlay has a
 * character device 0/0 and an attribute. Source: opencontainers/image-spec v1.1, layer.md (Whiteouts); Linux,
 * Documentation/filesystems/overlayfs.rst (whiteouts and opaque directories).
 */

import {
  type At,
  type ByteString,
  device,
  ERRNO,
  factsOf,
  makeNode,
  S,
  type Stat,
  setAttribute,
} from "../kernel/mod.ts";
import { cutPath } from "./_names.ts";

export const PREFIX = ".wh.";
export const OPAQUE = ".wh..wh..opq";
/** What AUFS kept for itself beside. */
const RESERVED = ".wh..wh.";

export type Whiteout =
  | { kind: "file"; name: ByteString }
  | { kind: "opaque" }
  /** Of no meaning to anybody but AUFS, or naming nothing. */
  | { kind: "ignored" };

/** What the entry at a normalised path says, undefined for an ordinary one. */
export function whiteoutOf(path: ByteString): Whiteout | undefined {
  const { name } = cutPath(path);
  if (name === OPAQUE) return { kind: "opaque" };
  if (name.startsWith(RESERVED) || path.startsWith(RESERVED)) return { kind: "ignored" };
  if (!name.startsWith(PREFIX)) return undefined;
  const hidden = name.slice(PREFIX.length);
  return hidden === "" || hidden === "." || hidden === ".."
    ? { kind: "ignored" }
    : { kind: "file", name: hidden };
}

/** What stands for the device 0/0 on a file system that is an overlay itself, and keeps that for its own whiteouts. */
const STAND_IN = device(0, 1);

/** Hides a name of the layers below; 0 or -errno. A file of this layer hides it anyway, a directory once it is opaque. */
export function makeWhiteout(at: At): number {
  const first = makeNode(at, S.IFCHR, 0);
  const answer = first === -ERRNO.EPERM ? makeNode(at, S.IFCHR, STAND_IN) : first;
  if (answer !== -ERRNO.EEXIST) return answer;
  const before = factsOf(at);
  return ((before?.mode ?? 0) & S.IFMT) === S.IFDIR ? makeOpaque(at) : 0;
}

const YES = new TextEncoder().encode("y");

/** Hides all that the layers below have in a directory; 0 or -errno. */
export function makeOpaque(directory: At): number {
  const [overlays, own] = OPAQUE_ATTRIBUTES;
  const answer = setAttribute(directory, overlays, YES);
  // An overlay as the file system has that attribute for itself, until Linux 6.7.
  return answer === -ERRNO.EPERM ? setAttribute(directory, own, YES) : answer;
}

/** Overlay's, and the engine's own where that cannot be set. */
export const OPAQUE_ATTRIBUTES = ["trusted.overlay.opaque", "trusted.fathom.opaque"] as const;

export function isWhiteout({ mode, rdev }: Stat): boolean {
  return (mode & S.IFMT) === S.IFCHR && (rdev === 0 || rdev === STAND_IN);
}

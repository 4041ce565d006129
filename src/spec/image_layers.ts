/** Fathom's own additions to the API about what the layers of an image hold. Sizes are bytes of unpacked files; numbers count from 1. */

import type { Digest } from "./oci_image.ts";

/** What a squash came to. */
export interface Squashed {
  Id: Digest;
  Layers: { Before: number; After: number };
  Size: { Before: number; After: number };
}

/** A layer, and the line of the history that made it. */
export interface LayerLine {
  Layer: number;
  DiffId: Digest;
  /** 0 where the history does not say. */
  Line: number;
  /** As a Dockerfile would have it. */
  Instruction: string;
}

export type FileKind = "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";

/** A file of a layer, or that it takes one of the layers beneath away. */
export interface LayerFile {
  /** With a slash before it. */
  Path: string;
  Change: "added" | "changed" | "deleted";
  /** Of what is deleted: what it was; absent where nothing was there. */
  Kind?: FileKind;
  /** Permission bits, with setuid, setgid and sticky. */
  Mode: number;
  Uid: number;
  Gid: number;
  Size: number;
  /** RFC 3339; empty for what is deleted. */
  ModTime: string;
  /** Where a symbolic link leads. */
  Target?: string;
  /** A directory that hides what lies beneath. */
  Opaque?: true;
}

/** A path that some layer has something to do with. */
export interface FoundFile {
  Path: string;
  /** Whether it is seen in the image. */
  Present: boolean;
  /** What was done to it, first the lowest layer. */
  Changes: (LayerLine & Pick<LayerFile, "Change" | "Kind" | "Mode" | "Size">)[];
}

export interface FoundFiles {
  Files: FoundFile[];
  /** There are more than are told. */
  Truncated: boolean;
}

/** How a file differs between two images. */
export interface FileDifference {
  Path: string;
  Change: "added" | "changed" | "deleted";
  Kind: FileKind;
  /** What differs of one that is changed: kind, content, mode, owner, target, device, time. */
  What: string[];
  /** Bytes in the first and in the second image; 0 where it is not there. */
  Before: number;
  After: number;
}

/** Why an image takes the room it takes. */
export interface WhyBig {
  Id: Digest;
  Size: number;
  Layers: (LayerLine & {
    Size: number;
    Files: number;
    /** Bytes of it that a later layer deletes or writes again, so that nobody sees them. */
    Unseen: number;
  })[];
  /** Bytes that one line wrote and a later one deleted or wrote again, the most first. */
  Unseen: { Written: number; Hidden: number; Bytes: number; Files: number; Largest: string; Mend: string }[];
  /** What programs keep for a next time that does not come. */
  Caches: { What: string; Line: number; Bytes: number; Files: number; Mend: string }[];
  /** Files of the same content, of those of 16 KB and more. */
  Duplicates: { Bytes: number; Paths: string[]; Copies: number }[];
  /** What a squash of all layers would save. */
  SquashSaves: number;
}

/**
 * Puts files into an archive, one after the other: small pieces are gathered, large files stream from disk with one read ahead.
 *
 * The memory in use does not grow with what is packed, but for one path a file that has several names.
 */

import { read } from "node:fs";
import {
  type At,
  type ByteString,
  closeFd,
  openFile,
  owned,
  readAt,
  S,
  type Stat,
  statFd,
} from "../kernel/mod.ts";
import type { TarEntry } from "../std/tar/entry.ts";
import { entryHeader, tarEnd, tarPadding } from "../std/tar/writer.ts";
import { linkEntry } from "./_entry.ts";

/** Bytes gathered before they are handed on. */
const BATCH = 256 * 1024;
/** Bytes of one read of a large file. */
const PIECE = 1024 * 1024;
/** Files up to this size are read at once, which takes less time than a thread's attention. */
const SMALL = 64 * 1024;

/** To be handed on before anything else is added. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface ArchiveWriter {
  /** Adds an entry; the content of a file is read from `at`. Most give nothing to hand on: waiting for each would take longer. */
  add(entry: TarEntry, at: At, facts: Stat): Pieces | undefined;
  /** Adds an entry that has no file. */
  addEmpty(entry: TarEntry): Pieces | undefined;
  /** The archive's end, and all that was gathered. */
  end(): Pieces;
}

export function archiveWriter(): ArchiveWriter {
  const firsts = new Map<string, ByteString>();
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (bytes: Uint8Array): void => {
    held.push(bytes);
    heldBytes += bytes.length;
  };
  const flush = (): Uint8Array[] => {
    const batch = heldBytes > 0 ? [Buffer.concat(held, heldBytes)] : [];
    held = [];
    heldBytes = 0;
    return batch;
  };
  const flushFull = (): Uint8Array[] | undefined => (heldBytes >= BATCH ? flush() : undefined);
  const addSmall = (entry: TarEntry, fd: number): void => {
    using file = owned(fd);
    const content = Buffer.alloc(entry.size);
    readAt(file.fd, content, 0);
    hold(entryHeader(entry));
    hold(content);
    hold(tarPadding(entry.size));
  };
  async function* addLarge(entry: TarEntry, fd: number): AsyncGenerator<Uint8Array, void> {
    using file = owned(fd);
    hold(entryHeader(entry));
    yield* flush();
    yield* contentOf(file.fd, entry.size);
    hold(tarPadding(entry.size));
  }
  return {
    add(entry, at, facts) {
      const inode = facts.nlink > 1 && entry.type !== "directory" ? `${facts.dev}:${facts.ino}` : undefined;
      const first = inode === undefined ? undefined : firsts.get(inode);
      if (first !== undefined) hold(entryHeader(linkEntry(entry, first)));
      else if (entry.type !== "file") hold(entryHeader(entry));
      const isContent = first === undefined && entry.type === "file";
      const fd = isContent ? openSame(at, facts) : undefined;
      // It has gone, or something else has its name: an archive of a live tree is one of what there was at some instant.
      if (isContent && fd === undefined) return undefined;
      if (inode !== undefined && first === undefined)
        firsts.set(inode, Buffer.from(entry.path).toString("latin1"));
      if (fd !== undefined && entry.size > SMALL) return addLarge(entry, fd);
      if (fd !== undefined) addSmall(entry, fd);
      return flushFull();
    },
    addEmpty(entry) {
      hold(entryHeader(entry));
      return flushFull();
    },
    end() {
      hold(tarEnd());
      return flush();
    },
  };
}

/** The file that `facts` are of, for reading. */
function openSame(at: At, facts: Stat): number | undefined {
  const fd = openFile(at);
  if (fd < 0) return undefined;
  const now = statFd(fd);
  if ((now.mode & S.IFMT) === S.IFREG && now.ino === facts.ino && now.dev === facts.dev) return fd;
  closeFd(fd);
  return undefined;
}

/** Exactly `size` bytes: of a file that shrinks meanwhile the rest is zeros, as with tar(1). */
async function* contentOf(fd: number, size: number): AsyncGenerator<Uint8Array, void> {
  let next = readPiece(fd, 0, size);
  try {
    for (let at = 0; at < size; ) {
      const piece = await next;
      at += piece.length;
      next = readPiece(fd, at, size);
      yield piece;
    }
  } finally {
    // The descriptor is closed behind us: nothing may still read from it. What the read said does not matter any more.
    await next.catch(() => undefined);
  }
}

function readPiece(fd: number, at: number, size: number): Promise<Uint8Array> {
  const wanted = Math.min(PIECE, size - at);
  if (wanted === 0) return Promise.resolve(new Uint8Array(0));
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const buffer = Buffer.allocUnsafeSlow(wanted);
  read(fd, buffer, 0, wanted, at, (error, count) => {
    if (error !== null) reject(error);
    else if (count > 0) resolve(buffer.subarray(0, count));
    else resolve(buffer.fill(0));
  });
  return promise;
}

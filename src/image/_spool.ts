/** A file without a name that takes bytes in order and gives any of them back: what is too large for memory waits there, and is gone with the process. */

import { open, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FathomError } from "../std/errors.ts";
import { diskFull } from "./_refusals.ts";

export interface Spool extends AsyncDisposable {
  /** Bytes written so far. */
  readonly size: number;
  /** The bytes may change afterwards. */
  write(bytes: Uint8Array): Promise<void>;
  read(from: number, length: number): AsyncGenerator<Uint8Array, void>;
  /** Bytes that can be written yet. */
  room(): Promise<number>;
}

/** Bytes that are gathered before a write. */
const BATCH = 1024 * 1024;
/** Bytes of one read: what is read is garbage soon, and large pieces of it pile up. */
const PIECE = 128 * 1024;

/** @throws {FathomError} unavailable, by what it gives, when the disk is full */
export async function openSpool(): Promise<Spool> {
  const directory = tmpdir();
  const path = join(directory, `fathom-spool-${process.pid}-${crypto.randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  let size = 0;
  let written = 0;
  const held = Buffer.allocUnsafe(BATCH);
  const put = async (bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file
        .write(bytes, done, bytes.length - done, written)
        .catch(diskFull(`${directory} (another directory can be given by TMPDIR)`));
      done += bytesWritten;
      written += bytesWritten;
    }
  };
  const flush = () => put(held.subarray(0, size - written));
  return {
    get size() {
      return size;
    },
    async write(bytes) {
      if (size - written + bytes.length > BATCH) await flush();
      if (bytes.length >= BATCH) await put(bytes);
      else held.set(bytes, size - written);
      size += bytes.length;
    },
    async *read(from, length) {
      await flush();
      for (let at = 0; at < length; ) {
        const buffer = Buffer.allocUnsafe(Math.min(PIECE, length - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, from + at);
        if (bytesRead === 0) throw new FathomError("internal", "a temporary file is shorter than it was");
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    async room() {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

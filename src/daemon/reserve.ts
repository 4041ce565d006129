/**
 * A little of the disk that is the engine's own: a file in the data root that goes when something is removed on a full disk, for a removal
 * writes too: index.json anew, a note, a directory. It comes back as soon as there is room.
 */

import { open, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Backends } from "../api/mod.ts";
import { codeOf, ifAbsent } from "../std/absent.ts";
import { mutex } from "../std/mutex.ts";

export interface Reserve {
  /** Does work that is to succeed on a full disk. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Makes it where it is not there and there is room; no error where there is none. */
  fill(): Promise<void>;
}

/** Bytes: enough for the lists and notes of thousands of images, and for a file system that copies on write. */
const LARGEST = 4 * 1024 * 1024;
/** Of a small disk it is this part. */
const PART = 1 / 64;

export function openReserve(dataRoot: string): Reserve {
  const path = join(dataRoot, "reserve");
  const exclusive = mutex();
  let working = 0;
  const fill = () =>
    exclusive(async () => {
      if (working > 0 || (await isFile(path))) return;
      const { free, size } = await room(dataRoot);
      if (free > size) await make(path, size);
    });
  return {
    fill,
    async during(work) {
      const { free, size } = await room(dataRoot);
      working += 1;
      try {
        if (free < size) await exclusive(() => rm(path, { force: true }));
        return await work();
      } finally {
        working -= 1;
        await fill();
      }
    },
  };
}

async function room(dataRoot: string): Promise<{ free: number; size: number }> {
  const { bavail, blocks, bsize } = await statfs(dataRoot);
  return { free: bavail * bsize, size: Math.min(LARGEST, Math.floor(blocks * bsize * PART)) };
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(() => true, ifAbsent(false));
}

/** Whole or not at all: half a reserve would be taken for one. */
async function make(path: string, size: number): Promise<void> {
  try {
    await using file = await open(`${path}.tmp`, "w", 0o600);
    // Bytes that no file system takes for a hole, or packs.
    const piece = crypto.getRandomValues(new Uint8Array(64 * 1024));
    for (let at = 0; at < size; at += piece.length)
      await file.write(piece, 0, Math.min(piece.length, size - at));
    await rename(`${path}.tmp`, path);
  } catch (error) {
    await rm(`${path}.tmp`, { force: true });
    if (codeOf(error) !== "ENOSPC" && codeOf(error) !== "EDQUOT") throw error;
  }
}

/** The same backends, whose removals work on a full disk. */
export function withReserve(backends: Backends, { during }: Reserve): Backends {
  const { containers, images, volumes, prune, prunePlans, trash } = backends;
  return {
    ...backends,
    containers: { ...containers, remove: (id, how) => during(() => containers.remove(id, how)) },
    images: { ...images, remove: (name, how) => during(() => images.remove(name, how)) },
    volumes: {
      ...volumes,
      remove: (name) => during(() => volumes.remove(name)),
      prune: (filters, how) => during(() => volumes.prune(filters, how)),
    },
    prune: {
      ...prune,
      pruneContainers: (filters) => during(() => prune.pruneContainers(filters)),
      pruneImages: (filters) => during(() => prune.pruneImages(filters)),
    },
    prunePlans: { ...prunePlans, apply: (plan) => during(() => prunePlans.apply(plan)) },
    trash: { ...trash, empty: (ids) => during(() => trash.empty(ids)) },
  };
}

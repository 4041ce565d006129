/** For tests of the API: images whose layers hold one file, or none. */

import type { LayerFile } from "../spec/image_layers.ts";
import type { LayerBackend } from "./routes/layers.ts";

const FILE: LayerFile = {
  Path: "/f",
  Change: "added",
  Kind: "file",
  Mode: 0o644,
  Uid: 0,
  Gid: 0,
  Size: 1,
  ModTime: "2024-01-02T03:04:05Z",
};

async function* once<T>(piece: readonly T[]): AsyncGenerator<readonly T[], void> {
  yield piece;
}

export function fakeLayers(): LayerBackend {
  const Id = `sha256:${"0".repeat(64)}` as const;
  const told = <T>(...piece: T[]) => ({ pieces: once(piece), [Symbol.dispose]: () => undefined });
  return {
    squash: async () => ({ Id, Layers: { Before: 2, After: 1 }, Size: { Before: 2, After: 1 } }),
    whyBig: async () => ({ Id, Size: 1, Layers: [], Unseen: [], Caches: [], Duplicates: [], SquashSaves: 0 }),
    files: async () => told(FILE),
    find: async () => ({ Files: [], Truncated: false }),
    diff: async () => told(),
  };
}

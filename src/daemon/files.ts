/** The image store as work on containers' files wants to see it. */

import type { Files } from "../container/files/needs.ts";
import {
  applyChanges,
  commitSnapshot,
  exportSnapshot,
  type ImageStore,
  openSnapshot,
  packPath,
  readText,
  snapshotChanges,
  statPath,
  unpackPath,
} from "../image/mod.ts";

export function containerFiles(store: ImageStore): Files {
  return {
    open: async (container, options) => {
      const view = await openSnapshot(store, container, options);
      return {
        stat: (path) => statPath(view, path),
        pack: (path) => packPath(view, path),
        unpack: (to, how) => unpackPath(view, to, how),
        readText: (path) => readText(view, path),
        [Symbol.dispose]: () => view[Symbol.dispose](),
      };
    },
    changes: (container) => snapshotChanges(store, container),
    exported: (container, root) => exportSnapshot(store, { container, root }),
    commit: (request) => commitSnapshot(store, request),
    applyChanges,
  };
}

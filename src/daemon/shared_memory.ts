/** Shared memory on the host, for containers that let others join it. */

import type { SharedMemory } from "../container/needs.ts";
import { MS, mountOnHost, unmount } from "../kernel/mod.ts";

/** See SharedMemory. */
export const sharedMemory: SharedMemory = {
  mount: (path, size) =>
    mountOnHost({
      source: "shm",
      target: path,
      type: "tmpfs",
      flags: MS.NOSUID | MS.NODEV | MS.NOEXEC,
      data: `mode=1777,size=${size}`,
    }),
  unmount: (path) => {
    while (unmount(path, { detach: true }));
  },
};

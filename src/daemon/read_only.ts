/** The engine of a data root that cannot be written to: it shows, reads and stops what is there, and makes nothing. */

import type { Backends } from "../api/mod.ts";
import { FathomError } from "../std/errors.ts";

/** The same backends, where what would write says why it does not. */
export function readOnlyBackends(backends: Backends, dataRoot: string): Backends {
  const refused = async (): Promise<never> => {
    throw new FathomError(
      "unavailable",
      `${dataRoot} is on a file system that is mounted read-only, so that nothing can be made, started or changed: see findmnt -T ${dataRoot} and dmesg, make it writable, and start the daemon again`,
    );
  };
  const { containers, images, networks, volumes, resources } = backends;
  return {
    ...backends,
    containers: {
      ...containers,
      create: refused,
      start: refused,
      restart: refused,
      rename: refused,
      remove: refused,
    },
    images: { ...images, import: refused, tag: refused, remove: refused },
    imageArchives: { ...backends.imageArchives, load: refused },
    layers: { ...backends.layers, squash: refused },
    networks: {
      ...networks,
      create: refused,
      remove: refused,
      connect: refused,
      disconnect: refused,
    },
    volumes: { ...volumes, create: refused, remove: refused, prune: refused },
    registry: {
      ...backends.registry,
      async *pull() {
        yield await refused();
      },
    },
    resources: { ...resources, update: refused },
    commits: { commit: refused },
    fsck: { check: (how) => (how.fix ? refused() : backends.fsck.check(how)) },
    prunePlans: { ...backends.prunePlans, apply: refused },
    trash: { ...backends.trash, restore: refused, empty: refused, setLocked: refused },
    prune: { ...backends.prune, pruneContainers: refused, pruneImages: refused, pruneNetworks: refused },
  };
}

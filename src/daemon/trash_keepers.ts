/** The trash of an engine's own parts: who keeps what was removed, and removals that go there. */

import { eraseTrashed, type ImageStore, listTrash, restoreImage } from "../image/mod.ts";
import type { Volumes } from "../volume/mod.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";
import { openTrash, type TrashCan } from "./trash.ts";
import { trashSettings } from "./trash_flags.ts";

export function engineTrash(
  { dataRoot, trash }: DaemonConfig,
  { images, volumes, log }: { images: ImageStore; volumes: Volumes; log: Log },
): TrashCan {
  return openTrash({
    dataRoot,
    settings: trashSettings(trash),
    warn: (sentence) => log("warn", sentence),
    keepers: {
      image: {
        list: () => listTrash(images),
        restore: (id) => restoreImage(images, id),
        erase: (ids) => eraseTrashed(images, ids),
      },
      volume: {
        list: () => volumes.trash.list(),
        restore: (id) => volumes.trash.restore(id),
        erase: async (ids) => {
          for (const id of ids) await volumes.trash.erase(id);
        },
      },
    },
  });
}

/** What a person removes goes to the trash; what goes with a container, which nobody named, does not. */
export function volumesWithTrash(volumes: Volumes, tidy: () => Promise<void>): Volumes {
  return {
    ...volumes,
    remove: async (name) => {
      await volumes.discard(name, { reason: "volume rm" });
      await tidy();
    },
    prune: async (filters, options) => {
      const answer = await volumes.prune(filters, options);
      await tidy();
      return answer;
    },
  };
}

/** The volumes of the engine with the events that tell of them, and what containers show of the host. */

import { join } from "node:path";
import type { HostMounts } from "../container/volume_needs.ts";
import { type ImageStore, mountImage } from "../image/mod.ts";
import { propagationOf, unmount } from "../kernel/mod.ts";
import { bindSubpath, openVolumes, type Volumes } from "../volume/mod.ts";
import type { EventBus } from "./events.ts";
import type { Log } from "./log.ts";

export function openVolumeStore(
  { dataRoot }: { dataRoot: string },
  { events, log }: { events: EventBus; log: Log },
): Promise<Volumes> {
  return openVolumes({
    root: join(dataRoot, "volumes"),
    emit: ({ action, id, attributes }) => events.emit({ Type: "volume", Action: action, id, attributes }),
    warn: (sentence) => log("warn", sentence),
  });
}

export function hostMounts(images: ImageStore): HostMounts {
  return {
    bindSubpath,
    mountImage: (image, target) => mountImage(images, image, target),
    unmount: (target) => void unmount(target, { detach: true }),
    propagationOf,
  };
}

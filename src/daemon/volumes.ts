/** The volumes of the engine with the events that tell of them, and what containers show of the host. */

import { join } from "node:path";
import type { HostMounts } from "../container/mounts/needs.ts";
import { type ImageStore, mountImage } from "../image/mod.ts";
import { propagationOf, unmount } from "../kernel/mod.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { bindSubpath, openVolumes, type Volumes } from "../volume/mod.ts";
import type { EventBus } from "./events.ts";
import type { Log } from "./log.ts";

export function openVolumeStore(
  { dataRoot }: { dataRoot: string },
  { events, log, idMaps }: { events: EventBus; log: Log; idMaps: IdMaps | undefined },
): Promise<Volumes> {
  const owner = idMaps && { uid: rootOf(idMaps.uids), gid: rootOf(idMaps.gids) };
  return openVolumes({
    owner,
    root: join(dataRoot, "volumes"),
    emit: ({ action, id, attributes }) => events.emit({ Type: "volume", Action: action, id, attributes }),
    warn: (sentence) => log("warn", sentence),
  });
}

export function hostMounts(images: ImageStore): HostMounts {
  return {
    bindSubpath,
    mountImage: (image, target) => mountImage(images, image, target),
    unmount: (target) => {
      while (unmount(target, { detach: true }));
    },
    propagationOf,
  };
}

/** The user or group that is root inside. */
function rootOf(map: IdMaps["uids"]): number {
  return map.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
}

/** How much room things take, and giving back what nobody uses: the parts' answers put together for the API. */

import type { PruneBackend } from "../api/routes/prune.ts";
import type { UsageKind } from "../api/routes/usage.ts";
import type { Containers } from "../container/mod.ts";
import { type ImageStore, imageUsage, pruneImages } from "../image/mod.ts";
import type { Networks } from "../network/mod.ts";
import type { DiskUsage, VolumeUsage } from "../spec/docker_usage.ts";
import type { Volumes } from "../volume/mod.ts";
import type { EventBus } from "./events.ts";
import type { Sizes } from "./sizes.ts";

interface Parts {
  containers: Containers;
  images: ImageStore;
  volumes: Volumes;
  /** Of volumes, by walks that nobody waits long for. */
  volumeSizes: Sizes<number>;
}

/** Of the kinds that are wanted; all are counted at once. */
export async function diskUsage(parts: Parts, kinds: ReadonlySet<UsageKind>): Promise<DiskUsage> {
  const everyContainer = { all: true, limit: 0, size: true, filters: {} };
  const [images, containers, volumes] = await Promise.all([
    kinds.has("image") ? imageUsage(parts.images) : undefined,
    kinds.has("container") ? parts.containers.containers.list(everyContainer) : null,
    kinds.has("volume") ? volumeUsage(parts) : null,
  ]);
  return {
    LayersSize: images?.layersSize ?? 0,
    Images: images?.images ?? null,
    Containers: containers,
    Volumes: volumes,
    // The engine does not build yet, so that nothing is kept for a next build.
    BuildCache: kinds.has("build-cache") ? [] : null,
  };
}

async function volumeUsage({ volumes, volumeSizes }: Parts): Promise<VolumeUsage[]> {
  const all = await volumes.usage(volumeSizes.of);
  return all.map(({ volume, size, users }) => ({ ...volume, UsageData: { RefCount: users, Size: size } }));
}

export function pruneBackend({
  containers,
  images,
  networks,
  events,
  tidy,
}: Pick<Parts, "containers" | "images"> & {
  networks: Networks;
  events: EventBus;
  tidy: () => Promise<void>;
}): PruneBackend {
  const told = (type: "image" | "network" | "builder", bytes: number) =>
    events.emit({ Type: type, Action: "prune", id: "", attributes: { reclaimed: String(bytes) } });
  return {
    pruneContainers: (filters) => containers.files.pruneContainers(filters),
    pruneImages: async (filters) => {
      const answer = await pruneImages(images, filters);
      await tidy();
      told("image", answer.SpaceReclaimed);
      return answer;
    },
    pruneNetworks: async (filters) => {
      const answer = await networks.prune(filters);
      told("network", 0);
      return answer;
    },
    pruneBuildCache: async () => {
      told("builder", 0);
      return { CachesDeleted: null, SpaceReclaimed: 0 };
    },
  };
}

/** Where a container's control group is. */

import { cleanPath } from "./mounts/points.ts";
import type { ContainerRecord } from "./records.ts";

/** The engine's own group, above those of its containers; daemons on one host share it. */
export const ENGINE_CGROUP = "/fathom";

/** The path in each hierarchy: below `--cgroup-parent`, or the engine's own group. */
export function cgroupPath({ config, host }: Pick<ContainerRecord, "config" | "host">): string {
  return cleanPath(`/${host.CgroupParent || ENGINE_CGROUP}/${config.Id}`);
}

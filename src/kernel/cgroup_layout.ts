/**
 * How this host's control groups are laid out: which hierarchies there are and where. Source: cgroups(7).
 */

import { FathomError } from "../std/errors.ts";
import { parseMountinfo } from "./mount.ts";

/** A cgroup v1 hierarchy; `cpu,cpuacct` may share one. */
export interface Hierarchy {
  controllers: readonly string[];
  /** Its root as this process sees it. */
  root: string;
}

/** Version 1 also stands for the hybrid layout, where v2 is mounted but v1 holds the controllers. */
export type CgroupLayout =
  | { version: 1; hierarchies: readonly Hierarchy[]; hybrid: boolean }
  | { version: 2; root: string };

/** The controllers that containers are given, in the order in which their directories are made. */
const CONTROLLERS: ReadonlySet<string> = new Set([
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "hugetlb",
  "pids",
]);

/**
 * The layout that /proc/self/mountinfo shows. A stray v1 hierarchy without a controller of ours (systemd's named one, net_cls
 * mounted by a VPN) does not make a v2 host a v1 host. Where a hierarchy is mounted twice, the first mount counts.
 * @throws {FathomError} unsupported, where no control groups are mounted.
 */
export function parseCgroupLayout(mountinfo: string): CgroupLayout {
  const mounts = parseMountinfo(mountinfo);
  const unified = mounts.find(({ type }) => type === "cgroup2");
  const seen = new Set<string>();
  const hierarchies = mounts.flatMap(({ type, superOptions, mountPoint }): Hierarchy[] => {
    const controllers = superOptions.filter((option) => CONTROLLERS.has(option) && !seen.has(option));
    if (type !== "cgroup" || controllers.length === 0) return [];
    for (const controller of controllers) seen.add(controller);
    return [{ controllers, root: mountPoint }];
  });
  if (hierarchies.length > 0) return { version: 1, hierarchies, hybrid: unified !== undefined };
  if (unified !== undefined) return { version: 2, root: unified.mountPoint };
  throw new FathomError(
    "unsupported",
    "this host has no control groups mounted: mount cgroup2 at /sys/fs/cgroup",
  );
}

/** Control groups of running containers, found by their path: what the daemon does to them without the shim. */

import type { Cgroups } from "../container/needs.ts";
import {
  type Cgroup,
  cgroupLayout,
  cgroupSupport,
  openCgroup,
  readControlFile,
  watchOom,
} from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";

/** See Cgroups. */
export const cgroups: Cgroups & { version(): "1" | "2" } = {
  version: () => (cgroupLayout().version === 1 ? "1" : "2"),
  support: () => cgroupSupport(cgroupLayout(), readControlFile),
  freeze: (path) => within(path, (cgroup) => cgroup.freeze()),
  thaw: (path) => within(path, (cgroup) => cgroup.thaw()),
  update: (path, limits) => within(path, async (cgroup) => cgroup.update(limits)),
  directories: (path) => {
    using cgroup = openCgroup(path);
    return (
      cgroup && {
        version: cgroupLayout().version,
        directoryOf: (controller) => cgroup.directoryOf(controller),
      }
    );
  },
  watchOom: (path, { killed, failed }) => {
    const cgroup = openCgroup(path);
    if (cgroup === undefined) return undefined;
    let told = 0;
    const look = () => {
      const kills = cgroup.oomKills();
      if (kills > told) killed();
      told = kills;
    };
    const watch = watchOom(cgroup, look, failed);
    // What came before the watch was there.
    if (watch !== undefined) look();
    return watch;
  },
  frozen: async (path) => {
    using cgroup = openCgroup(path);
    return cgroup?.frozen() ?? false;
  },
};

async function within<T>(path: string, work: (cgroup: Cgroup) => Promise<T>): Promise<T> {
  using cgroup = openCgroup(path);
  if (cgroup === undefined) throw new FathomError("conflict", `the control group ${path} is gone`);
  return await work(cgroup);
}

/** Control groups of running containers, found by their path: what the daemon does to them without the shim. */

import type { Cgroups } from "../container/needs.ts";
import {
  type Cgroup,
  cgroupLayout,
  cgroupSupport,
  watchOom as hearOom,
  openCgroup,
  readControlFile,
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
  watchOom,
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

/** Milliseconds until the count of kills is looked at again. */
const COUNTED_BY = 200;

/** See Cgroups. Version 1 tells that a group wants for memory just before it kills, so the count may be late. */
function watchOom(
  path: string,
  { killed, failed }: Parameters<Cgroups["watchOom"]>[1],
): Disposable | undefined {
  const cgroup = openCgroup(path);
  if (cgroup === undefined) return undefined;
  let told = 0;
  let again: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    const kills = cgroup.oomKills();
    if (kills <= told) return;
    told = kills;
    killed();
  };
  const heard = (): void => {
    look();
    clearTimeout(again);
    again = setTimeout(look, COUNTED_BY);
  };
  const ear = hearOom(cgroup, heard, failed);
  if (ear === undefined) return undefined;
  // What came before somebody listened.
  look();
  return {
    [Symbol.dispose]: () => {
      clearTimeout(again);
      ear[Symbol.dispose]();
    },
  };
}

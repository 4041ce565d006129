/** Snapshots by overlay: the layers below, `rw` above, joined at `rootfs`. Documentation/filesystems/overlayfs.rst. */

import { mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { isMounted, mountOverlay, unmount } from "../kernel/mod.ts";
import { isAbsent } from "./_index.ts";
import { bytesBelow } from "./_usage.ts";
import type { Snapshot, SnapshotDriver } from "./driver.ts";

type Directory = Pick<Snapshot, "directory">;

/**
 * A rename of a directory must copy, and a file that changes only its owner must too: otherwise the upper directory would
 * hold notes instead of files, and could be neither exported nor committed.
 */
const OPTIONS = ["index=off", "metacopy=off", "redirect_dir=off"];

export const overlay: SnapshotDriver = {
  name: "overlay2",
  prepare: async (snapshot) => {
    const { upper, work, root, empty } = partsOf(snapshot);
    await mkdir(snapshot.directory, { recursive: true, mode: 0o700 });
    const lower = snapshot.layers.length === 0 ? [mkdir(empty, { recursive: true })] : [];
    // The upper directory's mode is what the container sees of its root.
    const others = [upper, root].map((path) => mkdir(path, { recursive: true, mode: 0o755 }));
    await Promise.all([...lower, ...others, mkdir(work, { recursive: true, mode: 0o700 })]);
  },
  mount: (snapshot) => {
    const { upper, work, root } = partsOf(snapshot);
    if (!isMounted(root)) {
      mountOverlay({ lowers: lowersOf(snapshot), upper, work, target: root, options: OPTIONS });
    }
    return root;
  },
  unmount: (snapshot) => {
    unmount(partsOf(snapshot).root, { detach: true });
  },
  remove: async (snapshot) => {
    const { upper, work, root, empty } = partsOf(snapshot);
    unmount(root, { detach: true });
    // Never recursively: were it mounted still, that would empty the container.
    await rmdir(root).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
    await Promise.all([upper, work, empty].map((path) => rm(path, { recursive: true, force: true })));
  },
  rootOf: (snapshot) => partsOf(snapshot).root,
  written: (snapshot) => bytesBelow(partsOf(snapshot).upper),
  data: (snapshot) => {
    const { upper, work, root } = partsOf(snapshot);
    return { LowerDir: lowersOf(snapshot).join(":"), MergedDir: root, UpperDir: upper, WorkDir: work };
  },
};

function partsOf({ directory }: Directory): Record<"upper" | "work" | "root" | "empty", string> {
  const [upper = "", work = "", root = "", empty = ""] = ["rw", "work", "rootfs", "lower"].map((name) =>
    join(directory, name),
  );
  return { upper, work, root, empty };
}

/** Overlay wants something below. */
function lowersOf(snapshot: Snapshot): readonly string[] {
  return snapshot.layers.length > 0 ? snapshot.layers : [partsOf(snapshot).empty];
}

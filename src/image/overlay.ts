/**
 * Snapshots by overlay: the layers below, `rw` above, joined at `rootfs`.
 *
 * Source: Documentation/filesystems/overlayfs.rst, "Volatile mount" for disposable snapshots.
 */

import { access, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { bytesBelow, isMounted, mountOverlay, probeOverlay, unmount } from "../kernel/mod.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { giveToRoot } from "./_id_maps.ts";
import { forgetLimit, limitSize } from "./_quota.ts";
import type { PrepareOptions, Snapshot, SnapshotDirectory, SnapshotDriver } from "./driver.ts";

/**
 * A rename of a directory must copy, and a file that changes only its owner must too: otherwise the upper directory would
 * hold notes instead of files, and could be neither exported nor committed.
 */
const OPTIONS = ["index=off", "metacopy=off", "redirect_dir=off"];

/** Mounts that have vanished from view, but which the kernel has not let go of yet, by their root. */
type Releases = Map<string, Promise<void>>;

export function overlayDriver(): SnapshotDriver {
  probeOverlay();
  const releases: Releases = new Map();
  return {
    name: "overlay2",
    prepare,
    mount: async (snapshot) => {
      const { root } = partsOf(snapshot);
      await releases.get(root);
      if (!isMounted(root)) await mount(snapshot);
      return root;
    },
    unmount: (snapshot) => detach(partsOf(snapshot).root, releases),
    remove: async (snapshot, trash) => {
      await detach(partsOf(snapshot).root, releases);
      await discard(snapshot, trash);
    },
    rootOf: (snapshot) => partsOf(snapshot).root,
    upperOf: (snapshot) => ({ path: partsOf(snapshot).upper, form: "apart" }),
    written: (snapshot) => bytesBelow(partsOf(snapshot).upper),
    data: ({ directory, layers }) =>
      directory === undefined ? imageData(layers) : snapshotData({ directory, layers }),
    removeLayer: (directory) => rm(directory, { recursive: true, force: true }),
    status: (backing) => [
      ["Backing Filesystem", backing],
      ["Supports d_type", "true"],
      ["Using metacopy", "false"],
      ["Native Overlay Diff", "true"],
      ["userxattr", "false"],
    ],
  };
}

function snapshotData(snapshot: Snapshot): Record<string, string> {
  const { upper, work, root } = partsOf(snapshot);
  return { LowerDir: lowersOf(snapshot).join(":"), MergedDir: root, UpperDir: upper, WorkDir: work };
}

function imageData([top, ...below]: readonly string[]): Record<string, string> {
  if (top === undefined) return {};
  return { ...(below.length > 0 && { LowerDir: below.join(":") }), UpperDir: top };
}

async function prepare(snapshot: Snapshot, { disposable, size }: PrepareOptions): Promise<void> {
  const { upper, work, root, empty, volatile } = partsOf(snapshot);
  // Before the work directory holds anything, which a project does not take over.
  if (size !== undefined) {
    for (const path of [upper, work]) await mkdir(path, { recursive: true, mode: 0o755 });
    limitSize([upper, work], size);
  }
  const lower = snapshot.layers.length === 0 ? [mkdir(empty, { recursive: true })] : [];
  // The upper directory's mode is what the container sees of its root.
  const others = [upper, root].map((path) => mkdir(path, { recursive: true, mode: 0o755 }));
  const mark = mkdir(disposable ? volatile : work, { recursive: true, mode: 0o700 });
  await Promise.all([...lower, ...others, mark]);
  if (snapshot.idMaps !== undefined) await giveToRoot(upper, snapshot.idMaps);
}

/**
 * Overlay itself marks the work directory of a volatile mount, and refuses the next mount until the mark is gone: what was
 * written may not have reached the disk. Here the mark says that nobody needs it to.
 */
async function mount(snapshot: Snapshot): Promise<void> {
  try {
    await mountLayers(snapshot);
  } catch (cause) {
    for (const layer of snapshot.layers) {
      if (await exists(layer)) continue;
      const advice = "bring the image in again, and make the container anew";
      throw new FathomError(
        "internal",
        `the layer ${layer} that the container stands on is missing: ${advice}`,
        { cause },
      );
    }
    throw cause;
  }
}

async function mountLayers(snapshot: Snapshot): Promise<void> {
  const { upper, work, root, volatile } = partsOf(snapshot);
  const disposable = await exists(volatile);
  if (disposable) await rm(volatile, { recursive: true, force: true });
  const options = disposable ? [...OPTIONS, "volatile"] : OPTIONS;
  const overlay = { upper, work, target: root, options };
  if (snapshot.idMaps === undefined) return mountOverlay({ ...overlay, lowers: lowersOf(snapshot) });
  const { withMappedLayers } = await import("./_mapped_layers.ts");
  const layers = { directory: snapshot.directory, layers: lowersOf(snapshot), idMaps: snapshot.idMaps };
  await withMappedLayers(layers, (lowers) => mountOverlay({ ...overlay, lowers }));
}

/**
 * The last unmount of an overlay writes the whole file system below to disk first, which may take seconds. So a descriptor
 * keeps it alive past the unmount, and is closed by a thread of the pool, which then does the waiting.
 */
async function detach(root: string, releases: Releases): Promise<void> {
  if (!isMounted(root)) return;
  const keeper = await open(root, "r");
  unmount(root, { detach: true });
  const release = keeper.close().finally(() => releases.delete(root));
  releases.set(root, release);
}

async function discard(snapshot: SnapshotDirectory, trash: string): Promise<void> {
  const { upper, work, root, empty } = partsOf(snapshot);
  // Never recursively: were it mounted still, that would empty the container.
  await rmdir(root).catch(ifAbsent(undefined));
  await mkdir(trash, { recursive: true, mode: 0o700 });
  forgetLimit(upper);
  for (const part of [upper, work, empty]) {
    await rename(part, join(trash, part.slice(snapshot.directory.length + 1))).catch(ifAbsent(undefined));
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, ifAbsent(false));
}

type Part = "upper" | "work" | "root" | "empty" | "volatile";

function partsOf({ directory }: SnapshotDirectory): Record<Part, string> {
  return {
    upper: join(directory, "rw"),
    work: join(directory, "work"),
    root: join(directory, "rootfs"),
    empty: join(directory, "lower"),
    volatile: join(directory, "work", "work", "incompat", "volatile"),
  };
}

/** Overlay wants something below. */
function lowersOf(snapshot: Snapshot): readonly string[] {
  return snapshot.layers.length > 0 ? snapshot.layers : [partsOf(snapshot).empty];
}

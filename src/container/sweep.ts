/** Clears what a killed engine left beside its containers' records. To be run when all are known and before any is made. */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";
import { nameOf } from "./container.ts";
import type { Context } from "./context.ts";

/**
 * Unmounts what is mounted of containers that do not run: their end was cut short. On a busy machine a restart may be due already,
 * whose mount is not to be taken away.
 */
export async function sweepMounts({ options, registry }: Context): Promise<void> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  const left = registry
    .all()
    .filter(({ live, paths }) => live === undefined && mounts.includes(` ${paths.directory}/rootfs `));
  const unmounts = left.map(async (container) => {
    const { id } = nameOf(container);
    await container.exclusive(async () => {
      if (container.live !== undefined) return;
      options.warn(`container ${id} does not run and its root was still mounted: it is unmounted`);
      await options.images.unmount(id);
    });
  });
  await Promise.all(unmounts).catch((error) =>
    options.warn(`a root cannot be unmounted: ${messageOf(error)}`),
  );
}

/** Removes the bundles of containers that are gone: their removal was cut short when their records had gone already. */
export async function sweepBundles({ options, registry }: Context): Promise<void> {
  const directory = join(options.execRoot, "bundles");
  const known = new Set(registry.all().map(({ record }) => record.config.Id));
  const left = (await readdir(directory).catch(ifAbsent([]))).filter((name) => !known.has(name));
  await Promise.all(left.map((name) => rm(join(directory, name), { recursive: true, force: true }))).catch(
    (error) => options.warn(`bundles of containers that are gone cannot be removed: ${messageOf(error)}`),
  );
}

/** Clears what a killed engine left beside its containers' records. To be run when all are known and before any is made. */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";
import type { Context } from "./context.ts";

/** Removes the bundles of containers that are gone: their removal was cut short when their records had gone already. */
export async function sweepBundles({ options, registry }: Context): Promise<void> {
  const directory = join(options.execRoot, "bundles");
  const known = new Set(registry.all().map(({ record }) => record.config.Id));
  const left = (await readdir(directory).catch(ifAbsent([]))).filter((name) => !known.has(name));
  await Promise.all(left.map((name) => rm(join(directory, name), { recursive: true, force: true }))).catch(
    (error) => options.warn(`bundles of containers that are gone cannot be removed: ${messageOf(error)}`),
  );
}

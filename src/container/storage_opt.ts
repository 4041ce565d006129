/** Options of the storage driver for one container: `--storage-opt`. */

import { FathomError } from "../std/errors.ts";
import { parseBinarySize } from "../std/units.ts";
import type { FullHostConfig } from "./host_config.ts";

/** The most bytes that a container may write to its root file system; undefined where nothing was asked for. */
export function writableSize({
  StorageOpt: options,
}: Pick<FullHostConfig, "StorageOpt">): number | undefined {
  for (const name of Object.keys(options ?? {})) {
    if (name.toLowerCase() !== "size")
      throw new FathomError("invalid", `unknown storage option ${name}: only size=BYTES is known`);
  }
  const [size] = Object.values(options ?? {});
  if (size === undefined) return undefined;
  const bytes = parseBinarySize(size);
  if (bytes === 0) throw new FathomError("invalid", "the storage option size must be more than 0");
  return bytes;
}

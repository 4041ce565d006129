/** The snapshot drivers there are, by the names that `--storage-driver` takes. */

import { FathomError } from "../std/errors.ts";
import type { SnapshotDriver } from "./driver.ts";
import { overlayDriver } from "./overlay.ts";

const DRIVERS: ReadonlyMap<string, () => SnapshotDriver> = new Map([
  ["overlay", overlayDriver],
  ["overlay2", overlayDriver],
]);

/** @throws {FathomError} unsupported, naming those there are */
export function driverNamed(name: string): SnapshotDriver {
  const make = DRIVERS.get(name);
  if (make !== undefined) return make();
  const known = [...DRIVERS.keys()].join(", ");
  throw new FathomError(
    "unsupported",
    `storage driver ${JSON.stringify(name)} is not known: use one of ${known}`,
  );
}

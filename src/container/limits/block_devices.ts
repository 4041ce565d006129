/** The block devices whose use is limited, by their numbers: the host knows them by a path that may lead elsewhere tomorrow. */

import { stat } from "node:fs/promises";
import type { BlockIo } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { FullHostConfig } from "../host_config.ts";
import { numbersOf } from "../plan/devices.ts";

/** Docker's lists by the names they have in an OCI configuration. */
const RATES = [
  ["BlkioDeviceReadBps", "throttleReadBpsDevice"],
  ["BlkioDeviceWriteBps", "throttleWriteBpsDevice"],
  ["BlkioDeviceReadIOps", "throttleReadIOPSDevice"],
  ["BlkioDeviceWriteIOps", "throttleWriteIOPSDevice"],
] as const;

/**
 * Limits on block I/O in OCI's form; undefined where none is asked for.
 * @throws {FathomError} invalid in Docker's words, when a device is not there.
 */
export async function findBlockIo(host: FullHostConfig): Promise<BlockIo | undefined> {
  const blockIo: BlockIo = {};
  if (host.BlkioWeight > 0) blockIo.weight = host.BlkioWeight;
  if (host.BlkioWeightDevice?.length)
    blockIo.weightDevice = await Promise.all(
      host.BlkioWeightDevice.map(async ({ Path, Weight }) => ({ ...(await deviceAt(Path)), weight: Weight })),
    );
  for (const [list, name] of RATES) {
    if (!host[list]?.length) continue;
    blockIo[name] = await Promise.all(
      host[list].map(async ({ Path, Rate }) => ({ ...(await deviceAt(Path)), rate: Rate })),
    );
  }
  return Object.keys(blockIo).length > 0 ? blockIo : undefined;
}

async function deviceAt(path: string): Promise<{ major: number; minor: number }> {
  const entry = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "ENOENT" ? "no such file or directory" : cause.message;
    throw new FathomError("invalid", `stat ${path}: ${reason}`, { cause });
  });
  if (entry.isBlockDevice()) return numbersOf(entry.rdev);
  throw new FathomError("invalid", `cannot limit block I/O on ${path}: it is not a block device`);
}

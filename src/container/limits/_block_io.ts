/** Limits on block I/O that are asked for: see limits.ts. */

import { FathomError } from "../../std/errors.ts";
import type { Host } from "../host.ts";
import type { FullHostConfig } from "../host_config.ts";

const WEIGHT = { least: 10, most: 1000 };

const RATES = [
  ["BlkioDeviceReadBps", "BPS Block I/O read limit", "Block I/O BPS read limit discarded"],
  ["BlkioDeviceWriteBps", "BPS Block I/O write limit", "Block I/O BPS write limit discarded"],
  ["BlkioDeviceReadIOps", "IOPS Block read limit", "Block I/O IOPS read limit discarded"],
  ["BlkioDeviceWriteIOps", "IOPS Block write limit", "Block I/O IOPS write limit discarded"],
] as const;

export function fitBlockIo(host: FullHostConfig, { limits }: Host, warn: (sentence: string) => void): void {
  check(host);
  const lacking = (what: string, discarded: string) =>
    warn(`Your kernel does not support ${what} or the cgroup is not mounted. ${discarded}.`);
  if (host.BlkioWeight > 0 && !limits.blockWeight) {
    lacking("Block I/O weight", "Weight discarded");
    host.BlkioWeight = 0;
  }
  if (host.BlkioWeightDevice?.length && !limits.blockWeightDevice) {
    lacking("Block I/O weight_device", "Weight-device discarded");
    host.BlkioWeightDevice = [];
  }
  for (const [list, what, discarded] of RATES) {
    if (!host[list]?.length || limits.blockRates) continue;
    lacking(what, discarded);
    host[list] = [];
  }
}

function check(host: FullHostConfig): void {
  const invalid = (sentence: string) => new FathomError("invalid", sentence);
  const inRange = (weight: number) => weight >= WEIGHT.least && weight <= WEIGHT.most;
  if (host.BlkioWeight !== 0 && !inRange(host.BlkioWeight))
    throw invalid("Range of blkio weight is from 10 to 1000");
  for (const { Path, Weight } of host.BlkioWeightDevice ?? []) {
    if (!inRange(Weight))
      throw invalid(`Range of blkio weight is from 10 to 1000: ${Path} is given ${Weight}`);
  }
  for (const [list] of RATES) {
    const wrong = host[list]?.find(({ Rate }) => Rate < 0);
    if (wrong) throw invalid(`invalid rate for device ${wrong.Path}: ${wrong.Rate} is negative`);
  }
  if (host.IOMaximumBandwidth !== 0 || host.IOMaximumIOps !== 0)
    throw invalid("Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps");
}

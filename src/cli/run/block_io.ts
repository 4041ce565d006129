/** Flags that limit the use of block devices: `--device-read-bps /dev/sda:1mb` and the like. */

import type { ThrottleDevice, WeightDevice } from "../../spec/docker.ts";
import { parseBinarySize } from "../../std/units.ts";

/** `/dev/sda:1mb`, bytes a second. Throws in Docker's words, as the others. */
export function parseByteRate(text: string): ThrottleDevice {
  const { path, value } = deviceOf(text);
  try {
    return { Path: path, Rate: parseBinarySize(value) };
  } catch (cause) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
      { cause },
    );
  }
}

/** `/dev/sda:100`, operations a second. */
export function parseOperationRate(text: string): ThrottleDevice {
  const { path, value } = deviceOf(text);
  if (/^\d{1,15}$/.test(value)) return { Path: path, Rate: Number(value) };
  throw new Error(
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
  );
}

/** `/dev/sda:200`, a weight from 10 to 1000. */
export function parseDeviceWeight(text: string): WeightDevice {
  const { path, value } = deviceOf(text);
  const weight = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (weight === 0 || (weight >= 10 && weight <= 1000)) return { Path: path, Weight: weight };
  throw new Error(`invalid weight for device: ${text}`);
}

function deviceOf(text: string): { path: string; value: string } {
  const colon = text.indexOf(":");
  if (colon <= 0) throw new Error(`bad format: ${text}`);
  const path = text.slice(0, colon);
  if (!path.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  return { path, value: text.slice(colon + 1) };
}

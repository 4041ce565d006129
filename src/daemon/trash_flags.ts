/** daemon.json's "trash": how long what was removed waits, and how much of it. There is no flag: it is a matter of a host, not of a start. */

import { FathomError } from "../std/errors.ts";
import { parseBinarySize, parseGoDuration } from "../std/units.ts";

export interface TrashSettings {
  /** Milliseconds; with 0 nothing waits. */
  keep: number;
  /** The oldest goes when there is more. */
  maxBytes: number;
}

/** An hour to notice a mistake, and little enough that nobody misses the room. See docs/decisions/0020-trash.md. */
const DEFAULT: TrashSettings = { keep: 3_600_000, maxBytes: 2 ** 30 };

const KEYS = ["keep", "max-bytes"];

/** `{"keep": "24h", "max-bytes": "2GB"}`; what is left out is as by default. @throws {FathomError} invalid, naming what is wrong */
export function trashSettings(told: unknown): TrashSettings {
  if (told === undefined) return DEFAULT;
  if (typeof told !== "object" || told === null || Array.isArray(told))
    throw new FathomError("invalid", 'trash must be an object: {"keep": "24h", "max-bytes": "1GB"}');
  const unknown = Object.keys(told).find((key) => !KEYS.includes(key));
  if (unknown !== undefined)
    throw new FathomError("invalid", `trash: no such option: ${unknown} (there are ${KEYS.join(", ")})`);
  const { keep, "max-bytes": most } = told as Record<string, unknown>;
  return {
    keep: keep === undefined ? DEFAULT.keep : spanOf(keep),
    maxBytes: most === undefined ? DEFAULT.maxBytes : bytesOf(most),
  };
}

function spanOf(value: unknown): number {
  const span = typeof value === "string" ? parseGoDuration(value) : undefined;
  if (span !== undefined && span >= 0) return span / 1_000_000;
  throw new FathomError(
    "invalid",
    `trash: keep must be a span of time, as "24h" or "0s": ${JSON.stringify(value)}`,
  );
}

function bytesOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === "string") return parseBinarySize(value);
  throw new FathomError(
    "invalid",
    `trash: max-bytes must be a number of bytes, or as "1GB": ${JSON.stringify(value)}`,
  );
}

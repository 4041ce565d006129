/** Times that filters name: `until=24h`. Pure, but for the clock. */

import { FathomError } from "./errors.ts";
import { parseGoDuration } from "./units.ts";

/** Milliseconds since the epoch of a span before now, seconds since the epoch, or a date. @throws {FathomError} invalid */
export function pastTime(text: string): number {
  const span = parseGoDuration(text);
  if (span !== undefined) return Date.now() - span / 1_000_000;
  const time = /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new FathomError("invalid", `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}

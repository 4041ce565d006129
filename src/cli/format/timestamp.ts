/** Times as --since and --until take them. */

import { parseGoDuration } from "../../std/units.ts";
import { CommandError } from "../errors.ts";

/**
 * Seconds since the epoch, with nine digits of fraction, as the API takes them: of a span before now (`42m`), of seconds, or of a date,
 * whose zone is ours where it names none. Undefined for no text. `flag` is named when the text is none of these.
 */
export function timestamp(flag: string, text: string | undefined): string | undefined {
  if (!text) return undefined;
  const span = parseGoDuration(text);
  if (span !== undefined) return seconds(BigInt(Date.now()) * 1_000_000n - BigInt(span));
  if (/^\d+(\.\d{1,9})?$/.test(text)) return text;
  const [, date, fraction = "", zone = ""] =
    /^(\d{4}-\d{2}-\d{2}(?:T\d{2}(?::\d{2}(?::\d{2})?)?)?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?$/.exec(text) ??
    [];
  const milliseconds = date === undefined ? Number.NaN : Date.parse(`${fullDate(date)}${zone}`);
  if (Number.isNaN(milliseconds)) {
    throw new CommandError(
      `invalid value for "${flag}": failed to parse value as time or duration: ${JSON.stringify(text)}`,
    );
  }
  return `${Math.floor(milliseconds / 1000)}.${fraction.padEnd(9, "0")}`;
}

/** A date with all its parts, since one without a time of day would be read as UTC. */
function fullDate(date: string): string {
  const [day = "", clock = "00"] = date.split("T");
  return `${day}T${[...clock.split(":"), "00", "00"].slice(0, 3).join(":")}`;
}

function seconds(nanoseconds: bigint): string {
  const digits = String(nanoseconds).padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** Times as Docker writes them: RFC 3339, UTC, with nanoseconds. */

const PER_MILLISECOND = 1_000_000n;
const PER_SECOND = 1_000_000_000n;
/** How far the counter may stray from the clock before it is set again, in nanoseconds. */
const STRAY = 5n * PER_MILLISECOND;

let offset: bigint | undefined;

/**
 * Nanoseconds since the epoch. Between two settings of the system's clock it never goes back; it follows a clock that was set.
 */
export function wallClock(): bigint {
  const counter = process.hrtime.bigint();
  const clock = BigInt(Date.now()) * PER_MILLISECOND;
  const difference = clock - counter;
  if (offset === undefined || difference - offset > STRAY || offset - difference > STRAY) offset = difference;
  return counter + offset;
}

/** `2013-08-25T10:52:22.257575646Z`; zeros at the end of the fraction are left out, as Go's RFC3339Nano does. */
export function rfc3339(nanoseconds: bigint): string {
  const fraction = fractionOf(nanoseconds).replace(/0+$/, "");
  return `${secondsOf(nanoseconds)}${fraction === "" ? "" : "."}${fraction}Z`;
}

/** The same with all nine digits of the fraction. */
export function rfc3339Fixed(nanoseconds: bigint): string {
  return `${secondsOf(nanoseconds)}.${fractionOf(nanoseconds)}Z`;
}

function secondsOf(nanoseconds: bigint): string {
  return new Date(Number(nanoseconds / PER_MILLISECOND)).toISOString().slice(0, 19);
}

function fractionOf(nanoseconds: bigint): string {
  return String(nanoseconds % PER_SECOND).padStart(9, "0");
}

/** Nanoseconds since the epoch of a time in UTC as these functions write it; undefined for any other text. */
export function parseRfc3339(text: string): bigint | undefined {
  const [, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(text) ?? [];
  const milliseconds = seconds === undefined ? Number.NaN : Date.parse(`${seconds}Z`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * PER_MILLISECOND + BigInt(fraction.padEnd(9, "0"));
}

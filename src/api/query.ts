/** Query parameters, read as Docker reads them. */

import { FathomError } from "../std/errors.ts";
import { flag, list, map, text } from "../std/shape.ts";

const FALSE_WORDS = new Set(["", "0", "no", "false", "none"]);

/** Docker's idea of truth: anything but absence and a few words. */
export function boolParam(query: URLSearchParams, name: string): boolean {
  return !FALSE_WORDS.has((query.get(name) ?? "").trim().toLowerCase());
}

/** A whole number, or undefined when it is absent or empty. */
export function intParam(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === "") return undefined;
  if (!/^[+-]?\d{1,15}$/.test(value)) {
    throw new FathomError(
      "invalid",
      `invalid value for ${name}: expected a whole number, got ${JSON.stringify(value)}`,
    );
  }
  return Number(value);
}

/** Nanoseconds since the epoch, of seconds with a fraction, as the docker command sends times; 0 when absent. */
export function timeParam(query: URLSearchParams, name: string): bigint {
  const value = query.get(name);
  if (value === null || value === "") return 0n;
  const [, sign, seconds, fraction = ""] = /^(-?)(\d{1,15})(?:\.(\d{1,9}))?$/.exec(value) ?? [];
  if (seconds === undefined) {
    throw new FathomError(
      "invalid",
      `invalid value for ${name}: expected seconds since the epoch, got ${JSON.stringify(value)}`,
    );
  }
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  return sign === "-" ? -nanoseconds : nanoseconds;
}

/** A terminal's size, `h` and `w`. */
export function sizeParams(query: URLSearchParams): { height: number; width: number } {
  return { height: dimension(query, "h", "height"), width: dimension(query, "w", "width") };
}

function dimension(query: URLSearchParams, name: string, word: string): number {
  const value = query.get(name) ?? "";
  const size = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (size < 2 ** 32) return size;
  throw new FathomError(
    "invalid",
    `invalid resize ${word} ${JSON.stringify(value)}: expected a whole number`,
  );
}

const lists = map(list(text));
const sets = map(map(flag));

/** The `filters` parameter: JSON, `{"label":["a","b"]}` or the older-looking but current `{"label":{"a":true}}`. */
export function filtersParam(query: URLSearchParams): Record<string, string[]> {
  const value = query.get("filters");
  if (value === null || value === "") return {};
  const decoded = parseFilters(value);
  try {
    return lists.check(decoded, "filters");
  } catch {
    // Not the one form, so it has to be the other; that one's complaint is the user's.
    return Object.fromEntries(
      Object.entries(sets.check(decoded, "filters")).map(([name, set]) => [name, Object.keys(set)]),
    );
  }
}

function parseFilters(value: string): unknown {
  try {
    const decoded: unknown = JSON.parse(value);
    return decoded ?? {};
  } catch (cause) {
    throw new FathomError("invalid", `invalid filter: filters must be a JSON object, got ${value}`, {
      cause,
    });
  }
}

/** Sizes and spans of time as Docker reads and writes them (the conventions of its go-units package). */

import { FathomError } from "./errors.ts";

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/** Bytes in powers of 1000 with `digits` significant digits: `12.3MB`. */
export function formatDecimalSize(bytes: number, digits = 4): string {
  return formatSize(bytes, 1000, { units: DECIMAL, digits });
}

/** Bytes in powers of 1024 with four significant digits: `23.54GiB`. */
export function formatBinarySize(bytes: number): string {
  return formatSize(bytes, 1024, { units: BINARY, digits: 4 });
}

function formatSize(bytes: number, base: number, how: { units: string[]; digits: number }): string {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < how.units.length - 1) {
    size /= base;
    unit++;
  }
  return `${general(size, how.digits)}${how.units[unit]}`;
}

/** C's %.Ng for the sizes that occur here. */
function general(value: number, digits: number): string {
  const text = value.toPrecision(digits);
  if (!text.includes("e")) return String(Number(text));
  const [mantissa, exponent = "+0"] = Number(text).toExponential().split("e");
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

const BINARY_POWER: Record<string, number> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * Reads a size of memory, in powers of 1024: `512`, `512b`, `1.5m`, `2GB`, `1 GiB`. Throws `invalid` in Docker's words.
 */
export function parseBinarySize(text: string): number {
  const match = /^(\d+(?:\.\d*)?|\.\d+) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (!match || /^\S* ?ib$/i.test(text)) throw new FathomError("invalid", `invalid size: '${text}'`);
  const power = BINARY_POWER[(match[2] ?? "").toLowerCase()] ?? 0;
  return Math.floor(Number(match[1]) * 1024 ** power);
}

/** A span in words, as `docker ps` says it: `Less than a second`, `About a minute`, `3 weeks`. */
export function formatSpan(seconds: number): string {
  const whole = Math.trunc(seconds);
  const minutes = Math.trunc(seconds / 60);
  const hours = Math.round(seconds / 3600);
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < 60) return `${whole} seconds`;
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / 3600 / 24 / 365)} years`;
}

const NANOSECONDS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Reads Go's notation of a duration, `1h30m`, `1.5s`, `-2ms`, into nanoseconds; undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  const [, sign, body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let total = 0;
  for (const [, number, unit = ""] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * (NANOSECONDS[unit] ?? 0);
  }
  return sign === "-" ? -Math.round(total) : Math.round(total);
}

/** A duration of milliseconds in Go's notation: `1.5s`, `2m0s`, `1h30m0s`, `250ms`. */
export function formatGoDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = `${Number(((milliseconds % 60_000) / 1000).toFixed(9))}s`;
  const minutes = Math.trunc(milliseconds / 60_000);
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.trunc(minutes / 60)}h${minutes % 60}m${seconds}`;
}

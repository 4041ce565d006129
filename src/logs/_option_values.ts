/** Values of log options, read and refused as Docker does. */

import { FathomError } from "../std/errors.ts";

export type Options = Readonly<Record<string, string>>;

/** What a driver cannot begin with; as in Docker that is found out when the container starts. */
export function cannotBegin(reason: string): FathomError {
  return new FathomError("internal", `failed to initialize logging driver: ${reason}`);
}

const BOOLS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false])),
};

/** Go's idea of a boolean; undefined for text that is none. */
export function boolOf(text: string): boolean | undefined {
  return Object.hasOwn(BOOLS, text) ? BOOLS[text] : undefined;
}

/** Whether files are compressed. @throws {FathomError} */
export function compressOf(text: string): boolean {
  const value = boolOf(text);
  if (value === undefined) throw cannotBegin(`strconv.ParseBool: parsing "${text}": invalid syntax`);
  return value;
}

const POWERS = ["", "k", "m", "g", "t", "p"];

/** Bytes of `10m`, `1.5GB`, `1GiB`, in powers of `base`; undefined for text that is no size. */
export function sizeOf(text: string, base: 1000 | 1024): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s?([kmgtp]?)(?:i?b)?$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  return Math.floor(Number(number) * base ** POWERS.indexOf(unit.toLowerCase()));
}

/** A number of files. @throws {FathomError} */
export function countOf(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw cannotBegin(`strconv.Atoi: parsing "${text}": invalid syntax`);
  const count = Number(text);
  if (count < 1) throw cannotBegin("max-file cannot be less than 1");
  return count;
}

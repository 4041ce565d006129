/** The functions that Docker adds to Go's templates. */

import { ArgumentError, type Functions, toJson, type Value } from "../../std/go_template/mod.ts";

export const FUNCTIONS: Functions = {
  json: (value) => toJson(value),
  split: (text, separator) => string(text, 0).split(string(separator, 1)),
  join: (list, separator) => strings(list, 0).join(string(separator, 1)),
  title: (text) =>
    string(text, 0).replace(
      /(^|[^\p{L}\p{Nd}_'])(\p{L})/gu,
      (_, before, letter) => before + letter.toUpperCase(),
    ),
  lower: (text) => string(text, 0).toLowerCase(),
  upper: (text) => string(text, 0).toUpperCase(),
  pad: (text, before, after) => " ".repeat(count(before, 1)) + string(text, 0) + " ".repeat(count(after, 2)),
  truncate: (text, length) => [...string(text, 0)].slice(0, count(length, 1)).join(""),
};

/** The same for a table's headings: what would cut or take apart a value leaves its heading whole. */
export const HEADING_FUNCTIONS: Functions = {
  ...FUNCTIONS,
  json: (value) => value,
  split: (text, _separator) => text,
  join: (text, _separator) => text,
  truncate: (text, _length) => text,
};

const MOST_SPACES = 10_000;

function string(value: Value, index: number): string {
  if (typeof value === "string") return value;
  throw wrongType("string", value, index);
}

function strings(value: Value, index: number): string[] {
  if (Array.isArray(value)) return value.map((item) => string(item, index));
  throw wrongType("[]string", value, index);
}

function count(value: Value, index: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return Math.min(value, MOST_SPACES);
  throw wrongType("int", value, index);
}

function wrongType(wanted: string, value: Value, index: number): ArgumentError {
  const found = value == null ? "nil" : Array.isArray(value) ? "[]interface {}" : typeof value;
  return new ArgumentError(index, `wrong type for value; expected ${wanted}; got ${found}`);
}

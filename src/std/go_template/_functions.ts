/** The functions every template has: https://pkg.go.dev/text/template#hdr-Functions. `and` and `or` are the evaluator's. */

import { quoteGo, sprintf } from "./_printf.ts";
import { formatValue, isMap, isSlice, isStruct, nilMap, nilSlice, typeName, type Value } from "./_value.ts";

/** A function with how many arguments it takes. */
export interface Builtin {
  min: number;
  max: number;
  call(...args: Value[]): Value;
}

/** An argument of the wrong type; the evaluator quotes the argument. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
  readonly index: number;

  constructor(index: number, problem: string) {
    super(problem);
    this.index = index;
  }
}

const any = Number.POSITIVE_INFINITY;

export const BUILTINS: Readonly<Record<string, Builtin>> = {
  not: { min: 1, max: 1, call: (value) => !isTruthy(value) },
  len: { min: 1, max: 1, call: length },
  index: { min: 1, max: any, call: (item, ...keys) => keys.reduce(indexOnce, item) },
  slice: { min: 1, max: 4, call: slice },
  print: { min: 0, max: any, call: (...values) => print(values) },
  println: { min: 0, max: any, call: (...values) => `${values.map(formatValue).join(" ")}\n` },
  printf: { min: 1, max: any, call: (format, ...values) => sprintf(textOf(format, 0), values) },
  html: { min: 0, max: any, call: (...values) => escapeHtml(print(values)) },
  js: { min: 0, max: any, call: (...values) => escapeJs(print(values)) },
  urlquery: { min: 0, max: any, call: (...values) => escapeQuery(print(values)) },
  eq: { min: 1, max: any, call: equal },
  ne: { min: 2, max: 2, call: (a, b) => !equal(a, b) },
  lt: { min: 2, max: 2, call: (a, b) => compare(a, b) < 0 },
  le: { min: 2, max: 2, call: (a, b) => compare(a, b) <= 0 },
  gt: { min: 2, max: 2, call: (a, b) => compare(a, b) > 0 },
  ge: { min: 2, max: 2, call: (a, b) => compare(a, b) >= 0 },
};

function isTruthy(value: Value): boolean {
  if (isSlice(value)) return value.length > 0;
  return isMap(value) ? value.size > 0 : Boolean(value);
}

function textOf(value: Value, index: number): string {
  if (typeof value === "string") return value;
  throw new ArgumentError(index, `expected string; found ${formatValue(value)}`);
}

function length(value: Value): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isSlice(value)) return value.length;
  if (isMap(value)) return value.size;
  if (value == null) throw new Error("len of nil pointer");
  throw new Error(`len of type ${typeName(value)}`);
}

function indexOnce(item: Value, key: Value): Value {
  if (item == null || item === nilSlice || item === nilMap) throw new Error("index of untyped nil");
  if (isMap(item) || isStruct(item)) {
    if (typeof key !== "string") throw new Error(`value has type ${typeName(key)}; should be string`);
    return isMap(item) ? mapEntry(item, key) : Object.hasOwn(item, key) ? item[key] : undefined;
  }
  if (!isSlice(item) && typeof item !== "string")
    throw new Error(`can't index item of type ${typeName(item)}`);
  const at = checkedIndex(key, isSlice(item) ? item.length - 1 : Buffer.byteLength(item) - 1);
  return isSlice(item) ? item[at] : Buffer.from(item)[at];
}

/** A key a map lacks gives the zero value of the map's element type; a map of strings tells its type by its entries. */
function mapEntry(map: ReadonlyMap<string, Value>, key: string): Value {
  if (map.has(key)) return map.get(key);
  const first = map.values().next();
  return !first.done && typeof first.value === "string" ? "" : undefined;
}

function checkedIndex(key: Value, last: number): number {
  if (typeof key !== "number") {
    throw new Error(`cannot index slice/array with ${key == null ? "nil" : `type ${typeName(key)}`}`);
  }
  if (key < 0 || key > last) throw new Error(`index out of range: ${key}`);
  return key;
}

function slice(item: Value, ...bounds: Value[]): Value {
  if (typeof item !== "string" && !isSlice(item))
    throw new Error(`can't slice item of type ${typeName(item)}`);
  if (typeof item === "string" && bounds.length === 3) throw new Error("cannot 3-index slice a string");
  const content = typeof item === "string" ? Buffer.from(item) : item;
  const [from = 0, to = content.length] = bounds.map((bound) => checkedIndex(bound, content.length));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return typeof item === "string" ? Buffer.from(item).subarray(from, to).toString() : item.slice(from, to);
}

/** fmt.Sprint: a space between neighbours when neither is a string. */
function print(values: readonly Value[]): string {
  return values.reduce<string>((text, value, at) => {
    const spaced = at > 0 && typeof value !== "string" && typeof values[at - 1] !== "string";
    return text + (spaced ? " " : "") + formatValue(value);
  }, "");
}

function equal(first: Value, ...others: Value[]): boolean {
  if (others.length === 0) throw new Error("missing argument for comparison");
  return others.some((other) => {
    if (first == null || other == null) return (first ?? null) === (other ?? null);
    if (basicKind(first) !== basicKind(other)) throw new Error("incompatible types for comparison");
    return first === other || (typeof first === "object" && formatValue(first) === formatValue(other));
  });
}

function compare(a: Value, b: Value): number {
  const kind = basicKind(a);
  if (kind !== basicKind(b)) throw new Error("incompatible types for comparison");
  if (typeof a === "string" && typeof b === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === "number" && typeof b === "number") return a - b;
  throw new Error("invalid type for comparison");
}

function basicKind(value: Value): string {
  return typeof value === "object" ? "other" : typeName(value);
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "\0": "\uFFFD",
    '"': "&#34;",
    "'": "&#39;",
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
  };
  return text.replace(/[\0"'&<>]/g, (char) => entities[char] ?? char);
}

function escapeJs(text: string): string {
  return quoteGo(text)
    .slice(1, -1)
    .replace(/'/g, "\\'")
    .replace(/[<>&=]/g, (char) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

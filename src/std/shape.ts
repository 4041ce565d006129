/**
 * Shapes: what a JSON value from outside must look like, said as data.
 *
 * `check` gives a value of the type or throws an `invalid` error that names the field. The rules are those of Go's
 * encoding/json, because clients were written against it: keys match whatever their case, unknown keys are dropped, null
 * is as good as nothing, and numbers for integers must be whole.
 */

import { FathomError } from "./errors.ts";

/** Checks one kind of value. `path` is what errors call it (`HostConfig.Memory`). */
export interface Shape<T> {
  check(value: unknown, path: string): T;
  /** Go's zero value: what null stands for where a value must be, as in a list. */
  zero(): T;
}

/** A shape for a key that is filled with its zero value when it is missing. */
interface FilledShape<T> extends Shape<T> {
  filled: true;
}

/** For every key of T its shape; keys that T requires need one that fills them. */
type Fields<T> = {
  [K in keyof T]-?: undefined extends T[K] ? Shape<NonNullable<T[K]>> : FilledShape<T[K]>;
};

export const text: Shape<string> = primitive("a string", (v) => typeof v === "string", "");
export const flag: Shape<boolean> = primitive("a boolean", (v) => typeof v === "boolean", false);
/** A 64-bit signed integer, with JavaScript's precision. */
export const integer: Shape<number> = wholeNumber(-(2 ** 63), 2 ** 63);
/** An unsigned 32-bit integer. */
export const unsigned: Shape<number> = wholeNumber(0, 2 ** 32 - 1);
/** Anything at all, untouched. */
export const anything: Shape<unknown> = { check: (value) => value, zero: () => null };

/** One of a few words. */
export function oneOf<T extends string>(...words: [T, ...T[]]): Shape<T> {
  return {
    check(value, path) {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      const got = typeof value === "string" ? JSON.stringify(value) : nameOf(value);
      throw wrong(path, `one of ${words.join(", ")}`, got);
    },
    zero: () => words[0],
  };
}

export function list<T>(item: Shape<T>): Shape<T[]> {
  return {
    check(value, path) {
      if (!Array.isArray(value)) throw wrong(path, "a list", nameOf(value));
      return value.map((one: unknown, n) => (one === null ? item.zero() : item.check(one, `${path}[${n}]`)));
    },
    zero: () => [],
  };
}

/** Two numbers; Go fills a short array with zeros and drops what is too much. */
export function pair(item: Shape<number>): Shape<[number, number]> {
  const items = list(item);
  return {
    check(value, path) {
      const [first = 0, second = 0] = items.check(value, path);
      return [first, second];
    },
    zero: () => [0, 0],
  };
}

/** Command words: a list of strings, or one string for a list of one. */
export const words: Shape<string[]> = {
  check: (value, path) => (typeof value === "string" ? [value] : list(text).check(value, path)),
  zero: () => [],
};

/** An object with keys of the client's choice. */
export function map<T>(item: Shape<T>): Shape<Record<string, T>> {
  return {
    check(value, path) {
      const entries = Object.entries(asObject(value, path));
      // fromEntries defines keys, so that one named __proto__ is a key like any other.
      return Object.fromEntries(
        entries.map(([key, one]) => [
          key,
          one === null ? item.zero() : item.check(one, `${path}[${JSON.stringify(key)}]`),
        ]),
      );
    },
    zero: () => ({}),
  };
}

/** Null is kept as null. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return { check: (value, path) => shape.check(value, path), zero: () => null };
}

/** A missing or null key becomes the zero value. */
export function filled<T>(shape: Shape<T>): FilledShape<T> {
  return { ...shape, filled: true };
}

/** An object with known keys. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const table = new Map<string, [key: string, shape: Shape<unknown>]>();
  const zeros: [string, Shape<unknown>][] = [];
  for (const [key, shape] of Object.entries(fields) as [string, Shape<unknown>][]) {
    table.set(key.toLowerCase(), [key, shape]);
    if ("filled" in shape) zeros.push([key, shape]);
  }
  // The keys and their types are those of `fields`, which the compiler has compared with T.
  const zero = () => Object.fromEntries(zeros.map(([key, shape]) => [key, shape.zero()])) as T;
  return {
    zero,
    check(value, path) {
      const result = zero();
      for (const [given, one] of Object.entries(asObject(value, path))) {
        const [key, shape] = table.get(given) ?? table.get(given.toLowerCase()) ?? [];
        if (key === undefined || shape === undefined || one === null) continue;
        Object.assign(result, { [key]: shape.check(one, path === "" ? key : `${path}.${key}`) });
      }
      return result;
    },
  };
}

function primitive<T>(expected: string, is: (value: unknown) => boolean, zero: T): Shape<T> {
  return {
    check(value, path) {
      if (!is(value)) throw wrong(path, expected, nameOf(value));
      return value as T;
    },
    zero: () => zero,
  };
}

function wholeNumber(least: number, most: number): Shape<number> {
  return {
    check(value, path) {
      if (typeof value !== "number") throw wrong(path, "a number", nameOf(value));
      if (!Number.isInteger(value)) throw wrong(path, "a whole number", String(value));
      if (value < least || value > most)
        throw wrong(path, `a number from ${least} to ${most}`, String(value));
      return value;
    },
    zero: () => 0,
  };
}

function asObject(value: unknown, path: string): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(path, "an object", nameOf(value));
  }
  return value;
}

function wrong(path: string, expected: string, got: string): FathomError {
  const what = path === "" ? "the request's body" : path;
  return new FathomError("invalid", `invalid value for ${what}: expected ${expected}, got ${got}`);
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

import { describe, expect, test } from "bun:test";
import {
  filled,
  flag,
  integer,
  list,
  map,
  nullable,
  object,
  oneOf,
  pair,
  text,
  unsigned,
  words,
} from "./shape.ts";

interface Box {
  Name: string;
  Size?: number;
  Open?: boolean;
  Inner?: { Kind?: "a" | "b" };
}
const box = object<Box>({
  Name: filled(text),
  Size: integer,
  Open: flag,
  Inner: object<NonNullable<Box["Inner"]>>({ Kind: oneOf("a", "b") }),
});

describe("an object", () => {
  test("keeps known keys, whatever their case, and drops unknown ones", () => {
    expect(box.check({ name: "n", SIZE: 3, Colour: "red" }, "")).toEqual({ Name: "n", Size: 3 });
  });

  test("takes null for an absent key, and fills keys that must be there", () => {
    expect(box.check({ Name: null, Size: null, Inner: null }, "")).toEqual({ Name: "" });
  });

  test("cannot be given another prototype", () => {
    const value = box.check(JSON.parse('{"__proto__":{"Size":9},"constructor":1}'), "");
    expect(value.Size).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});

describe("wrong types are refused by the field's name", () => {
  const wrong: [unknown, string][] = [
    [{ Size: "1" }, "invalid value for Size: expected a number, got a string"],
    [{ Size: 1.5 }, "invalid value for Size: expected a whole number, got 1.5"],
    [{ size: 1e30 }, "invalid value for Size: expected a number from "],
    [{ Open: 1 }, "invalid value for Open: expected a boolean, got a number"],
    [{ Inner: [] }, "invalid value for Inner: expected an object, got a list"],
    [{ Inner: { kind: "c" } }, 'invalid value for Inner.Kind: expected one of a, b, got "c"'],
    [[], "invalid value for the request's body: expected an object, got a list"],
  ];
  for (const [value, message] of wrong) {
    test(message, () => expect(() => box.check(value, "")).toThrow(message));
  }

  test("items are named by their index or key", () => {
    expect(() => list(text).check(["a", 1], "Env")).toThrow("Env[1]: expected a string, got a number");
    expect(() => map(text).check({ a: {} }, "Labels")).toThrow(
      'Labels["a"]: expected a string, got an object',
    );
  });
});

describe("small shapes", () => {
  test("command words may be one string", () => {
    expect(words.check("ls -l", "Cmd")).toEqual(["ls -l"]);
    expect(words.check(["ls", "-l"], "Cmd")).toEqual(["ls", "-l"]);
  });

  test("null in a list stands for the zero value, and is kept where it may be", () => {
    expect(list(text).check(["a", null], "")).toEqual(["a", ""]);
    expect(map(nullable(list(text))).check({ a: null }, "")).toEqual({ a: null });
  });

  test("a pair is filled and cut as Go does it", () => {
    expect(pair(unsigned).check([5], "")).toEqual([5, 0]);
    expect(pair(unsigned).check([5, 6, 7], "")).toEqual([5, 6]);
    expect(() => pair(unsigned).check([-1], "Size")).toThrow("Size[0]");
  });

  test("a key named __proto__ is a key of a map like any other", () => {
    expect(Object.entries(map(text).check(JSON.parse('{"__proto__":"x"}'), ""))).toEqual([
      ["__proto__", "x"],
    ]);
  });
});

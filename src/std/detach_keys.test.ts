import { describe, expect, test } from "bun:test";
import { parseDetachKeys } from "./detach_keys.ts";

describe("notation", () => {
  test("letters and signs with ctrl, and plain characters, are keys", () => {
    expect([...parseDetachKeys("ctrl-a,ctrl-z,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,x,-")]).toEqual([
      1, 26, 0, 27, 28, 29, 30, 31, 120, 45,
    ]);
  });

  test("anything else is refused by name", () => {
    for (const key of ["ctrl-", "ctrl-A", "ctrl-1", "alt-x", "xy", "", "é"])
      expect(() => parseDetachKeys(`a,${key}`)).toThrow(`unknown key "${key}"`);
  });
});

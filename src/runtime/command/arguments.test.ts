import { expect, test } from "bun:test";
import { readWords } from "./arguments.ts";

const TABLE = { bundle: "value", "pid-file": "value", force: "flag", all: "flag" } as const;

test("options have values behind them or behind an equals sign, and end with the first other word", () => {
  expect(readWords(["--bundle", "/b", "--pid-file=/p=q", "--force", "id", "--all"], TABLE)).toEqual({
    options: { bundle: "/b", "pid-file": "/p=q", force: "true" },
    rest: ["id", "--all"],
  });
  expect(readWords(["-b", "/b", "-f", "--", "-id"], TABLE)).toEqual({
    options: { bundle: "/b", force: "true" },
    rest: ["-id"],
  });
  expect(readWords([], TABLE)).toEqual({ options: {}, rest: [] });
});

test("what is no option, or lacks its value, is refused by name", () => {
  expect(() => readWords(["--hard"], TABLE)).toThrow("unknown option --hard");
  expect(() => readWords(["-x"], TABLE)).toThrow("unknown option -x");
  expect(() => readWords(["--bundle"], TABLE)).toThrow("the option --bundle needs a value");
});

import { describe, expect, test } from "bun:test";
import {
  absolute,
  assertsDirectory,
  clean,
  followed,
  linkedPath,
  parseOperand,
  splitEntry,
} from "./paths.ts";

test.each([
  ["web:/etc", { container: "web", path: "/etc" }],
  ["web:etc:x", { container: "web", path: "etc:x" }],
  ["web:", { container: "web", path: "" }],
  ["/a:b", { container: undefined, path: "/a:b" }],
  ["./a:b", { container: undefined, path: "./a:b" }],
  ["plain", { container: undefined, path: "plain" }],
  ["-", { container: undefined, path: "-" }],
])("%s is one end of a copy", (text, expected) => {
  expect(parseOperand(text)).toEqual(expected);
});

test.each([
  ["/a/b", "/a", "b"],
  ["/a/b/", "/a", "b"],
  ["/a/b/.", "/a/b", "."],
  ["/a", "/", "a"],
  ["/", "/", "/"],
  [".", ".", "."],
  ["a", ".", "a"],
  ["a/../b", ".", "b"],
])("%s is in %s and called %s", (path, parent, name) => {
  expect(splitEntry(path)).toEqual({ parent, name });
});

describe("the end of a path", () => {
  test("says whether it is a directory", () => {
    expect(["/a/", "/a/.", "."].every(assertsDirectory)).toBe(true);
    expect(["/a", "/a.", "a/b"].some(assertsDirectory)).toBe(false);
  });

  test.each([
    ["a", "/here/a"],
    ["a/", "/here/a/"],
    ["a/.", "/here/a/."],
    ["/a/../b/", "/b/"],
    [".", "/here/."],
  ])("of %s is kept: %s", (path, expected) => {
    expect(absolute(path, "/here")).toBe(expected);
  });

  test("is nothing once it is clean", () => {
    expect(["/a//b/", "a/.", "", "/"].map(clean)).toEqual(["/a/b", "a", ".", "/"]);
  });
});

test("a link leads from where it is", () => {
  expect(linkedPath("/a/link", "../b")).toBe("/b");
  expect(linkedPath("/a/link", "/c")).toBe("/c");
});

test("what a link leads to keeps the link's name, and its end", () => {
  expect(followed("/a/link", "/b/target")).toEqual({ path: "/b/target", name: "link" });
  expect(followed("/a/link/.", "/b/target")).toEqual({ path: "/b/target/." });
  expect(followed("/a/same", "/b/same")).toEqual({ path: "/b/same" });
});

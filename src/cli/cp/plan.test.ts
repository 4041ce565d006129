import { expect, test } from "bun:test";
import { planCopy } from "./plan.ts";

const file = { path: "/a/file", isDirectory: false };
const directory = { path: "/a/dir", isDirectory: true };
const content = { path: "/a/dir/.", isDirectory: true };
const there = (isDirectory: boolean | undefined) => (path: string) => ({ path, isDirectory });
const [asDirectory, asFile, asNothing] = [there(true), there(false), there(undefined)];

test.each([
  ["a file into a directory", file, asDirectory("/d"), { directory: "/d", name: "file" }],
  ["a file over a file", file, asFile("/d/f"), { directory: "/d", name: "f" }],
  ["a file to a new name", file, asNothing("/d/f"), { directory: "/d", name: "f" }],
  ["a directory into a directory", directory, asDirectory("/d"), { directory: "/d", name: "dir" }],
  ["a directory to a new name", directory, asNothing("/d/n/"), { directory: "/d", name: "n" }],
  ["content into a directory", content, asDirectory("/d/."), { directory: "/d/.", name: "." }],
  ["content to a new name", content, asNothing("/d/n"), { directory: "/d", name: "n" }],
  ["a followed link", { ...file, name: "link" }, asDirectory("/d"), { directory: "/d", name: "link" }],
])("%s", (_, source, destination, expected) => {
  expect(planCopy(source, destination)).toEqual(expected);
});

test("a directory over a file, and a file to a directory that is not there, are refused", () => {
  expect(() => planCopy(directory, asFile("/d/f"))).toThrow("cannot copy directory");
  expect(() => planCopy(file, asNothing("/d/n/"))).toThrow("no such directory");
});

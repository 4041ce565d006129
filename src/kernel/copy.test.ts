import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { copyContent } from "./copy.ts";
import { linkTarget, namesIn } from "./directory.ts";

let root: string;
/** On a file system of another kind, where copy_file_range(2) cannot. */
let elsewhere: string;
beforeEach(() => {
  root = mkdtempSync("/tmp/fathom-test-copy-");
  elsewhere = mkdtempSync("/dev/shm/fathom-test-copy-");
});
afterEach(() => {
  rmSync(root, { recursive: true });
  rmSync(elsewhere, { recursive: true });
});

const MEGABYTE = 1024 * 1024;

/** Data at both ends of a hole, and a hole at the end. */
function original(): number {
  const fd = openSync(`${root}/original`, "w+");
  writeSync(fd, Buffer.alloc(5 * MEGABYTE, "a"), 0, 5 * MEGABYTE, 0);
  writeSync(fd, "end of data", 20 * MEGABYTE);
  writeSync(fd, Buffer.alloc(1), 0, 1, 30 * MEGABYTE - 1);
  return fd;
}

describe.each(["on its own file system", "to another"])("a copy %s", (where) => {
  test("has the same bytes and holes, and comes in pieces", () => {
    const path = `${where === "to another" ? elsewhere : root}/copy`;
    const [from, to] = [original(), openSync(path, "w")];
    const pieces = [...copyContent(from, to, 30 * MEGABYTE)].length;
    closeSync(from);
    closeSync(to);
    expect(Bun.hash(readFileSync(path))).toBe(Bun.hash(readFileSync(`${root}/original`)));
    const { size, blocks } = statSync(path);
    expect(size).toBe(30 * MEGABYTE);
    expect(blocks * 512).toBeLessThan(7 * MEGABYTE);
    expect(pieces === 0 || pieces >= 4).toBe(true);
  });
});

test("a file that has become shorter meanwhile keeps the size that was known, filled with zeros", () => {
  const from = openSync(`${root}/short`, "w+");
  writeSync(from, "abc");
  const to = openSync(`${root}/copy`, "w");
  expect([...copyContent(from, to, 10)].length).toBeLessThan(3);
  closeSync(from);
  closeSync(to);
  const copy = readFileSync(`${root}/copy`, "latin1");
  expect([3, 10]).toContain(copy.length);
  expect(copy.replaceAll("\0", "")).toBe("abc");
});

test("names and targets of links are bytes, UTF-8 or not", () => {
  const odd = Buffer.from([0x61, 0xff, 0xfe]);
  mkdirSync(`${root}/d`);
  symlinkSync(odd, Buffer.concat([Buffer.from(`${root}/d/`), odd]));
  const fd = openSync(`${root}/d`, "r");
  expect(namesIn(fd)).toEqual([odd.toString("latin1")]);
  expect(linkTarget({ directory: fd, name: odd.toString("latin1") })).toBe(odd.toString("latin1"));
  closeSync(fd);
});

test("a directory with thousands of names is read whole", () => {
  mkdirSync(`${root}/many`);
  for (let index = 0; index < 3000; index++) closeSync(openSync(`${root}/many/${index}`, "w"));
  const fd = openSync(`${root}/many`, "r");
  expect(new Set(namesIn(fd)).size).toBe(3000);
  closeSync(fd);
});

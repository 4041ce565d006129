import { expect, test } from "bun:test";
import { GO_MODE, goFileMode, hasGoMode } from "./file_mode.ts";

test.each([
  ["a directory", 0o040755, 2_147_484_141],
  ["a sticky directory", 0o041777, 2_148_532_735],
  ["a setuid file", 0o104755, 8_389_101],
  ["a symbolic link", 0o120777, 134_218_239],
  ["a character device", 0o020666, 2 ** 26 + 2 ** 21 + 0o666],
  ["a block device", 0o060660, 2 ** 26 + 0o660],
])("%s has the mode that Docker gives it", (_, mode, expected) => {
  expect(goFileMode(mode)).toBe(expected);
});

test("a bit is found, the highest too", () => {
  expect(hasGoMode(goFileMode(0o040755), GO_MODE.directory)).toBe(true);
  expect(hasGoMode(goFileMode(0o100755), GO_MODE.directory)).toBe(false);
  expect(hasGoMode(goFileMode(0o120777), GO_MODE.symlink)).toBe(true);
});

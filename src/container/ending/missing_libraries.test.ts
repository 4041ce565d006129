import { expect, test } from "bun:test";
import { missingLibraries } from "./missing_libraries.ts";

const said = (library: string, program: string) =>
  `The dynamic loader says that it did not find the shared library ${library}, which ${program} needs: have the image bring it.`;

test("glibc's loader names one library", () => {
  expect(
    missingLibraries([
      "starting",
      "/bin/ls: error while loading shared libraries: libselinux.so.1: cannot open shared object file: No such file or directory",
    ]),
  ).toEqual([said("libselinux.so.1", "/bin/ls")]);
});

test("musl's names each of them, with what cannot be resolved between", () => {
  expect(
    missingLibraries([
      "Error loading shared library libz.so.1: No such file or directory (needed by /usr/bin/git)",
      "Error loading shared library libpcre2-8.so.0: No such file or directory (needed by /usr/bin/git)",
      "Error relocating /usr/bin/git: inflate: symbol not found",
      "Error loading shared library libz.so.1: No such file or directory (needed by /usr/bin/git)",
    ]),
  ).toEqual([said("libz.so.1", "/usr/bin/git"), said("libpcre2-8.so.0", "/usr/bin/git")]);
});

test("other words are no loader's", () => {
  expect(
    missingLibraries([
      "sh: nope: not found",
      "x: error while loading shared libraries: libx.so: wrong ELF class: ELFCLASS32",
      "error while loading shared libraries",
    ]),
  ).toEqual([]);
});

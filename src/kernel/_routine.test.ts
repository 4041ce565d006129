import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { assemble } from "./_routine.ts";
import { listing as arm64 } from "./_routine_arm64.ts";
import { listing as x86_64 } from "./_routine_x86_64.ts";
import { temporaryDirectory } from "./_test_support.ts";
import { NUMBERS } from "./arch.ts";

/** The bytes that GNU as makes of a listing's lines. */
function assembled(as: string, objcopy: string, listing: typeof x86_64): Uint8Array {
  using directory = temporaryDirectory();
  const syntax = as === "as" ? ".intel_syntax noprefix\n" : "";
  const source = `${syntax}${listing.map(([, line]) => line).join("\n")}\n`;
  const object = `${directory.path}/routine.o`;
  const made = Bun.spawnSync([as, "-o", object, "-"], { stdin: Buffer.from(source) });
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const raw = `${directory.path}/routine.bin`;
  Bun.spawnSync([objcopy, "-O", "binary", "-j", ".text", object, raw]);
  return readFileSync(raw);
}

function has(program: string): boolean {
  const found = Bun.which(program) !== null;
  if (!found) console.log(`skipped: no ${program} (Debian: binutils, binutils-aarch64-linux-gnu)`);
  return found;
}

describe("the machine code is what GNU as makes of the lines beside it", () => {
  test.skipIf(!has("as") || process.arch !== "x64")("for x86-64", () => {
    expect(Buffer.from(assemble(x86_64).code)).toEqual(Buffer.from(assembled("as", "objcopy", x86_64)));
  });

  test.skipIf(!has("aarch64-linux-gnu-as"))("for arm64", () => {
    const bytes = assembled("aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy", arm64);
    expect(Buffer.from(assemble(arm64).code)).toEqual(Buffer.from(bytes));
  });
});

describe("system call numbers are those of the kernel's headers", () => {
  const headers = [
    { arch: "x86-64", column: 0, path: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h" },
    { arch: "arm64", column: 1, path: "/usr/include/asm-generic/unistd.h" },
  ] as const;
  for (const { arch, column, path } of headers) {
    const present = existsSync(path);
    if (!present) console.log(`skipped: no ${path} (Debian: linux-libc-dev)`);
    test.skipIf(!present)(`for ${arch}`, () => {
      const numbers = numbersIn(readFileSync(path, "utf8"));
      for (const [name, pair] of Object.entries(NUMBERS)) {
        expect(`${name} ${numbers.get(name)}`).toBe(`${name} ${pair[column]}`);
      }
    });
  }
});

/** `#define __NR_read 63`, also by way of `__NR3264_fcntl`, which is the 64-bit one. */
function numbersIn(header: string): Map<string, number> {
  const defined = header.matchAll(/^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm);
  return new Map(Array.from(defined, ([, name = "", number]) => [name, Number(number)]));
}

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parseExecutable } from "./executable.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The head of an ELF file with one program header, PT_INTERP, as elf(5) lays it out. */
function elf({ wide, little, machine }: { wide: boolean; little: boolean; machine: number }): Uint8Array {
  const head = new Uint8Array(160);
  const view = new DataView(head.buffer);
  head.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2]);
  view.setUint16(18, machine, little);
  const at = wide ? 64 : 52;
  if (wide) view.setBigUint64(32, 64n, little);
  else view.setUint32(28, 52, little);
  view.setUint16(wide ? 54 : 42, wide ? 56 : 32, little);
  view.setUint16(wide ? 56 : 44, 1, little);
  view.setUint32(at, 3, little);
  if (wide) view.setBigUint64(at + 8, 130n, little);
  else view.setUint32(at + 4, 130, little);
  if (wide) view.setBigUint64(at + 32, 8n, little);
  else view.setUint32(at + 16, 8, little);
  head.set(text("/lib/ld\0"), 130);
  return head;
}

describe("the head of a file", () => {
  test.each([
    [{ wide: true, little: true, machine: 62 }, "x86_64"],
    [{ wide: true, little: true, machine: 183 }, "arm64"],
    [{ wide: false, little: true, machine: 40 }, "arm"],
    [{ wide: true, little: false, machine: 22 }, "s390x"],
    [{ wide: false, little: false, machine: 999 }, "machine 999"],
  ])("of a program names its machine and interpreter: %p", (layout, machine) => {
    expect(parseExecutable(elf(layout))).toEqual({ format: "elf", machine, interpreter: "/lib/ld" });
  });
  test("that is cut short anywhere gives less, and never an error", () => {
    const whole = elf({ wide: true, little: true, machine: 62 });
    for (let length = 0; length < whole.length; length++)
      expect(parseExecutable(whole.subarray(0, length)).format).toMatch(/elf|unknown/);
  });
  test("of a real program is understood", () => {
    expect(parseExecutable(readFileSync("/bin/ls"))).toMatchObject({
      format: "elf",
      interpreter: expect.stringMatching(/^\/lib/),
    });
  });
  test.each([
    ["#!/bin/sh -e\n", "/bin/sh"],
    ["#! /usr/bin/env python\nx", "/usr/bin/env"],
    ["#!\n", ""],
  ])("of a script names its interpreter: %p", (script, interpreter) => {
    expect(parseExecutable(text(script))).toEqual({ format: "script", interpreter });
  });
  test("of anything else is unknown", () =>
    expect(parseExecutable(text("echo hello\n"))).toEqual({ format: "unknown" }));
});

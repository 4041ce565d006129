import { describe, expect, test } from "bun:test";
import { parseDetachKeys } from "../std/detach_keys.ts";
import { detachScanner } from "./_detach_keys.ts";

const scanned = (keys: string, ...inputs: string[]) => {
  const scan = detachScanner(parseDetachKeys(keys));
  let passed = "";
  for (const input of inputs) {
    const { bytes, detached } = scan(Buffer.from(input));
    passed += Buffer.from(bytes);
    if (detached) return { passed, detached };
  }
  return { passed, detached: false };
};

describe("the scanner", () => {
  test("finds the sequence in one piece and over several", () => {
    expect(scanned("ctrl-p,ctrl-q", "ab\x10\x11cd")).toEqual({ passed: "ab", detached: true });
    expect(scanned("ctrl-p,ctrl-q", "ab\x10", "\x11")).toEqual({ passed: "ab", detached: true });
    expect(scanned("x", "abx")).toEqual({ passed: "ab", detached: true });
  });

  test("holds back a beginning and gives it up when it is not the sequence", () => {
    expect(scanned("ctrl-p,ctrl-q", "a\x10")).toEqual({ passed: "a", detached: false });
    expect(scanned("ctrl-p,ctrl-q", "a\x10", "b")).toEqual({ passed: "a\x10b", detached: false });
  });

  test("finds a sequence that begins within a failed one", () => {
    expect(scanned("ctrl-p,ctrl-q", "\x10\x10\x11")).toEqual({ passed: "\x10", detached: true });
    expect(scanned("a,a,b", "aaab")).toEqual({ passed: "a", detached: true });
    expect(scanned("a,b,a,c", "ababac")).toEqual({ passed: "ab", detached: true });
  });
});

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { codeOf, ifAbsent } from "./absent.ts";

test("a file that is not there gives the value, and any other failure goes on", async () => {
  expect(await readFile("/nonexistent/file", "utf8").catch(ifAbsent(""))).toBe("");
  await expect(readFile("/", "utf8").catch(ifAbsent(""))).rejects.toThrow("EISDIR");
});

test("only errors of system calls have a code", () => {
  expect(codeOf(Object.assign(new Error(), { code: "EPERM" }))).toBe("EPERM");
  for (const other of [new Error("x"), "ENOENT", undefined, Object.assign(new Error(), { code: "ERR_X" })]) {
    expect(codeOf(other)).toBeUndefined();
  }
});

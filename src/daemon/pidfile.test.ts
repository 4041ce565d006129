import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimPidfile } from "./pidfile.ts";

const directory = mkdtempSync("/tmp/fathom-test-pidfile-");
afterAll(() => rmSync(directory, { recursive: true }));

test("a claimed pid file holds our pid and goes with the claim", async () => {
  const path = join(directory, "a/b.pid");
  {
    await using _claim = await claimPidfile(path);
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  }
  expect(existsSync(path)).toBe(false);
});

test("a stale pid file, of a process that is gone or is no daemon, is taken over", async () => {
  for (const stale of ["4194000", "1", "not a number", ""]) {
    const path = join(directory, "stale.pid");
    writeFileSync(path, stale);
    await using _claim = await claimPidfile(path);
    expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  }
});

test("a running daemon's pid file is refused with its pid", async () => {
  const path = join(directory, "held.pid");
  const other = Bun.spawn(["sh", "-c", "read x", "daemon"], { stdin: "pipe" });
  writeFileSync(path, String(other.pid));
  await expect(claimPidfile(path)).rejects.toThrow(`a daemon with pid ${other.pid} runs already`);
  other.stdin.end();
  await other.exited;
});

/** docs/compatibility.md says what is so: it is what the script prints, from the tables and the tests as they are. */

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./harness/mod.ts";

const ROOT = join(import.meta.dir, "..");
const SCRIPT = join(ROOT, "scripts/compatibility.ts");
const REFERENCE = join(ROOT, "../shared/reference");
/** Endpoints and flags that no test names: what is left may shrink, never grow. */
const MOST_UNTESTED = 2;

const print = async (...args: string[]) => {
  const { status, stdout, stderr } = await run([process.execPath, SCRIPT, ...args]);
  if (status !== 0) throw new Error(stderr);
  return stdout;
};
const page = () => readFile(join(ROOT, "docs/compatibility.md"), "utf8");

test("the page is what scripts/compatibility.ts prints: run it with `write` after a change of the tables", async () => {
  expect(await print()).toBe(await page());
});

test(`at most ${MOST_UNTESTED} endpoints and flags are untested`, async () => {
  const untested = (await page()).split("\n").filter((line) => line.endsWith("| untested |"));
  expect(untested.length).toBeLessThanOrEqual(MOST_UNTESTED);
});

const hasReference = await Bun.file(join(REFERENCE, "docker-cli.json")).exists();
test.skipIf(!hasReference)(`what Docker has is what its reference says (${REFERENCE})`, async () => {
  const kept: unknown = await Bun.file(join(ROOT, "scripts/compatibility/docker_surface.json")).json();
  expect(JSON.parse(await print("docker", REFERENCE))).toEqual(kept);
});

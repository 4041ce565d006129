import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Step } from "../spec/receipt.ts";
import { recording } from "./receipt.ts";
import { spreadBelow } from "./spread.ts";

/** What lsattr(1) says of a directory; empty where its file system has no attributes. */
async function attributesOf(path: string): Promise<string> {
  const { stdout } = Bun.spawn(["lsattr", "-d", path], { stderr: "ignore" });
  return (await new Response(stdout).text()).split(" ")[0] ?? "";
}

async function spreadIn(parent: string): Promise<{ marked: boolean; attributes: string; steps: number[] }> {
  const path = await mkdtemp(join(parent, "fathom-test-spread-"));
  await using _ = { [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
  const steps: Step[] = [];
  const mark = () =>
    recording(
      "daemon",
      (step) => steps.push(step()),
      () => spreadBelow(path),
    );
  const marked = mark();
  expect(mark()).toBe(marked);
  await mkdir(join(path, "below"));
  expect(await attributesOf(join(path, "below"))).not.toContain("T");
  return { marked, attributes: await attributesOf(path), steps: steps.map(({ result }) => result) };
}

test("a directory is marked once where its file system knows the mark, and what is made in it is not", async () => {
  const { marked, attributes, steps } = await spreadIn(tmpdir());
  expect(attributes.includes("T")).toBe(marked);
  expect(steps).toEqual(marked ? [0] : []);
});

test("on a file system without the mark nothing is changed and nothing fails", async () => {
  const { marked, attributes } = await spreadIn("/dev/shm");
  expect([marked, attributes.includes("T")]).toEqual([false, false]);
});

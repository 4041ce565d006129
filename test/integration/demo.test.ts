/** The first thing a person tries. */

import { expect, test } from "bun:test";
import { startFathom } from "../harness/mod.ts";

test("demo on an empty engine says hello world and explains it on one screen", async () => {
  await using engine = await startFathom({ bare: true });
  const { status, stdout, stderr } = await engine.command("fathom", ["demo"]);
  expect({ status, stderr: stderr.includes("rror") }).toEqual({ status: 0, stderr: false });
  expect(stdout).toContain("hello world\n");
  const explanation = stdout
    .slice(stdout.lastIndexOf("\nhello world\n") + "\nhello world\n".length)
    .trim()
    .split("\n");
  expect(explanation.length).toBeGreaterThan(5);
  expect(explanation.length).toBeLessThanOrEqual(25);
  expect(Math.max(...explanation.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(await engine.output("docker", ["ps", "-aq"])).toBe("");
});

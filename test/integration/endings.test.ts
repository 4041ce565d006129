/** Why a container ended, told by `fathom explain` of programs that really end so. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { type Engine, run, startFathom, tarOf } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom({ bare: true });
});
afterAll(() => engine?.[Symbol.asyncDispose]());

/** The loader and the libraries of a program of this host, by path. */
async function needsOf(program: string): Promise<{ loader: string; libraries: string[] }> {
  const paths = (await run(["ldd", program])).stdout.match(/\/\S+(?= \()/g) ?? [];
  const [loader = ""] = paths.filter((path) => /\/ld-[^/]*$/.test(path));
  return { loader, libraries: paths.filter((path) => path !== loader) };
}

test("a library that a program needs and its image lacks is told by name", async () => {
  const { loader, libraries } = await needsOf("/bin/ls");
  const files = await Promise.all(
    ["/bin/ls", loader].map(async (path) => ({ path: path.slice(1), content: await readFile(path) })),
  );
  const { status } = await engine.request("POST", "/images/create?fromSrc=-&repo=lacking", tarOf(files));
  expect(status).toBe(200);
  const ended = await engine.command("fathom", [
    "run",
    "--name",
    "lacking",
    "--network",
    "none",
    "lacking",
    "/bin/ls",
  ]);
  expect(ended.status).toBe(127);
  const story = await engine.output("fathom", ["explain", "lacking"]);
  const [, library = "", program] =
    /did not find the shared library (\S+), which (\S+) needs/.exec(story.replaceAll(/\s+/g, " ")) ?? [];
  expect(program).toBe("/bin/ls");
  expect(libraries.some((path) => path.endsWith(`/${library}`))).toBe(true);
});

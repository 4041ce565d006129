/** For the tests of unpacking: what becomes of an archive, and that nothing is left of one that is refused. */

import { expect } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { namesIn, streamOf, testDirectory } from "./_fixtures.ts";
import { pathsIn } from "./_paths.ts";
import { stageLayer } from "./_stage.ts";

/** The paths of a store in a test's directory. */
export const storePaths = (root: string) => pathsIn(join(root, "store"));

/** Unpacks and runs `look` on the result. */
export async function unpacked<T>(archive: Uint8Array, look: (diff: string) => Promise<T>): Promise<T> {
  await using directory = await testDirectory();
  await using layer = await stageLayer(storePaths(directory.path), streamOf(archive, 700));
  return await look(join(layer.directory, "diff"));
}

/** What is said when an archive is refused; fails unless nothing at all is left of it. */
export async function refusal(archive: Uint8Array): Promise<string> {
  await using directory = await testDirectory();
  const outside = join(directory.path, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "victim"), "untouched");
  const store = storePaths(directory.path);
  const message = await stageLayer(store, streamOf(archive)).then(
    () => "it was taken",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  expect(await readFile(join(outside, "victim"), "utf8")).toBe("untouched");
  expect(await namesIn(outside)).toEqual(["victim"]);
  expect(await namesIn(directory.path)).toEqual(["outside", "store"]);
  expect(await readdir(store.ingest)).toEqual([]);
  expect(await readdir(store.layerIngest)).toEqual([]);
  return message;
}

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { digestOf } from "../spec/digest.ts";
import { namesIn, streamOf, tarOf, testStore } from "./_fixtures.ts";
import { stageLayer } from "./_stage.ts";

const archive = tarOf({ name: "f", content: "x".repeat(3000) });
const compressed = Bun.gzipSync(new Uint8Array(archive));
const expected = { digest: digestOf(compressed), size: compressed.length };

test("a layer may be stored as it came, its diff ID is of what it holds", async () => {
  await using fixture = await testStore();
  const { paths } = fixture.store;
  await using layer = await stageLayer(paths, streamOf(compressed, 50), { keep: "stored", expected });
  expect(layer).toMatchObject({ diffId: digestOf(archive), blob: expected, size: 3000 });
  expect(layer.mediaType).toEndWith("+gzip");
  expect(digestOf(await readFile(layer.blob.path))).toBe(expected.digest);
});

test.each([
  ["another digest", { ...expected, digest: digestOf("other") }, "it was changed on the way"],
  ["less", { ...expected, size: expected.size - 1 }, "should have"],
  ["more", { ...expected, size: expected.size + 1 }, `has only ${expected.size}`],
])("one that was announced with %s is refused and nothing is left", async (_, wrong, message) => {
  await using fixture = await testStore();
  const { paths } = fixture.store;
  const staged = stageLayer(paths, streamOf(compressed, 50), { keep: "stored", expected: wrong });
  await expect(staged).rejects.toThrow(message);
  expect(await namesIn(paths.ingest)).toEqual([]);
  expect(await namesIn(paths.layerIngest)).toEqual([]);
});

test("nothing of a staged layer is visible, and nothing is left of one that is given up", async () => {
  await using fixture = await testStore();
  const { paths } = fixture.store;
  const layer = await stageLayer(paths, streamOf(archive));
  expect(await namesIn(paths.blobs)).toEqual([]);
  expect(await namesIn(paths.layers)).toEqual(["ingest"]);
  await layer[Symbol.asyncDispose]();
  expect([...(await namesIn(paths.ingest)), ...(await namesIn(paths.layerIngest))]).toEqual([]);
});

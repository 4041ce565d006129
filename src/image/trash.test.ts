import { describe, expect, test } from "bun:test";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../spec/oci_image.ts";
import { filesOf, putImage, tagsOf, testStore } from "./_fixtures.ts";
import {
  driverNamed,
  eraseTrashed,
  imageCandidates,
  listTrash,
  openImages,
  pruneImage,
  pruneImages,
  recoverImages,
  restoreImage,
  settleImages,
  tagImage,
} from "./mod.ts";

const ALL = { dangling: ["false"] };

describe("an image that was pruned", () => {
  test("comes back with all its names, also with another engine and after a recovery", async () => {
    await using at = await testStore();
    const id = await putImage(at.store, "x", "one");
    await tagImage(at.store, "one", "two:3");
    const files = await filesOf(at.root);
    await pruneImages(at.store, ALL);
    expect(await tagsOf(at.store)).toEqual([]);
    const other = openImages({ root: at.root, driver: driverNamed("overlay") });
    await recoverImages(other);
    const [item] = await listTrash(other);
    expect(item).toMatchObject({
      Type: "image",
      Names: ["one:latest", "two:3"],
      Bytes: 1,
      Reason: "image prune",
    });
    expect(await restoreImage(other, item?.ID ?? "")).toMatchObject({ Names: ["one:latest", "two:3"] });
    expect(await tagsOf(other)).toEqual(["one:latest", "two:3"]);
    expect((await imageCandidates(other, ALL, new Set())).map((one) => one.id)).toEqual([id as Digest]);
    expect(await filesOf(at.root)).toEqual(files);
    expect(await listTrash(other)).toEqual([]);
  });

  test("leaves a name to the image that has it by now", async () => {
    await using at = await testStore();
    await putImage(at.store, "x", "name");
    await pruneImages(at.store, ALL);
    await putImage(at.store, "y", "name");
    const [item] = await listTrash(at.store);
    expect(await restoreImage(at.store, item?.ID ?? "")).toEqual({
      ...{ Type: "image", Names: [], Taken: ["name:latest"] },
    });
    expect(await tagsOf(at.store)).toEqual(["name:latest"]);
    expect(await imageCandidates(at.store, {}, new Set())).toHaveLength(1);
  });

  test("gives its room back when it is erased, and nothing that another image has too", async () => {
    await using at = await testStore();
    await putImage(at.store, "kept", "kept");
    const files = await filesOf(at.root);
    await putImage(at.store, "gone");
    await putImage(at.store, "kept", undefined, ["ENV a=b"]);
    await pruneImages(at.store, {});
    const items = await listTrash(at.store);
    expect(items.map(({ Bytes }) => Bytes).sort()).toEqual([0, 4]);
    await eraseTrashed(
      at.store,
      items.map(({ ID }) => ID),
    );
    expect(await filesOf(at.root)).toEqual(files);
    await expect(restoreImage(at.store, items[0]?.ID ?? "")).rejects.toThrow("in the trash");
    await expect(restoreImage(at.store, "../index")).rejects.toThrow(
      "there is no image ../index in the trash",
    );
  });

  test("is in the index or in the trash, whenever the engine is killed", async () => {
    await using at = await testStore();
    await putImage(at.store, "x", "one");
    const index = join(at.root, "images/index.json");
    const before = await readFile(index);
    await pruneImages(at.store, {});
    await pruneImages(at.store, ALL);
    // Killed between the note and the index: the image is still in it.
    await writeFile(index, before);
    const other = openImages({ root: at.root, driver: driverNamed("overlay") });
    await recoverImages(other);
    expect(await tagsOf(other)).toEqual(["one:latest"]);
    expect(await listTrash(other)).toEqual([]);
    expect(await readdir(join(at.root, "images/trash"))).toEqual([]);
    await settleImages(other);
  });
});

describe("a planned prune", () => {
  test("takes an image as it was, and no other", async () => {
    const users = new Set<string>();
    await using at = await testStore({
      usersOf: (id) => (users.has(id) ? [{ id: "c", running: false }] : []),
    });
    const id = (await putImage(at.store, "x", "one")) as Digest;
    const [candidate] = await imageCandidates(at.store, ALL, new Set());
    expect(candidate).toEqual({ id, names: ["one:latest"], bytes: 1 });
    users.add(id);
    expect(await imageCandidates(at.store, ALL, new Set())).toEqual([]);
    expect(await imageCandidates(at.store, ALL, new Set(["c"]))).toHaveLength(1);
    expect(await pruneImage(at.store, { id, names: ["one:latest"] })).toBe(false);
    users.clear();
    await tagImage(at.store, "one", "two");
    expect(await pruneImage(at.store, { id, names: ["one:latest"] })).toBe(false);
    expect(await pruneImage(at.store, { id, names: ["two:latest", "one:latest"] })).toBe(true);
    expect(await pruneImage(at.store, { id, names: [] })).toBe(false);
  });
});

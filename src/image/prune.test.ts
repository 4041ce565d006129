import { describe, expect, test } from "bun:test";
import { putImage, testStore } from "./_fixtures.ts";
import { type ImageUser, imageUsage, pruneImages, tagImage } from "./mod.ts";

describe("pruning", () => {
  const idle: ImageUser = { id: "a".repeat(64), running: false };

  test("takes nothing that has a tag or a container, unless all is asked for", async () => {
    const used = new Set<string>();
    await using fixture = await testStore({ usersOf: (image) => (used.has(image) ? [idle] : []) });
    const { store } = fixture;
    const lost = await putImage(store, "x", "name");
    const kept = await putImage(store, "y", "name");
    const held = await putImage(store, "z", "held");
    used.add(held);
    const first = await pruneImages(store, {});
    expect(first.ImagesDeleted).toContainEqual({ Deleted: lost });
    expect(first.ImagesDeleted).not.toContainEqual({ Deleted: kept });
    await tagImage(store, "name", "other");
    const second = await pruneImages(store, { dangling: ["false"] });
    expect(second.ImagesDeleted?.slice(0, 3)).toEqual([
      { Untagged: "name:latest" },
      { Untagged: "other:latest" },
      { Deleted: kept },
    ]);
    expect((await imageUsage(store)).images.map(({ Id }) => Id)).toEqual([held]);
    expect(await pruneImages(store, { dangling: ["0"] })).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
  });

  test("gives back the bytes of the layers that nothing else stands on", async () => {
    await using fixture = await testStore({});
    const { store } = fixture;
    await putImage(store, "x", "one");
    await putImage(store, "yyyyy", "two");
    const { images, layersSize } = await imageUsage(store);
    expect(layersSize).toBe(images.reduce((sum, { Size }) => sum + Size, 0));
    const { SpaceReclaimed } = await pruneImages(store, { dangling: ["false"] });
    expect(SpaceReclaimed).toBe(layersSize);
    expect((await imageUsage(store)).layersSize).toBe(0);
  });

  const REFUSED: Record<string, string[]>[] = [
    { dangling: ["maybe"] },
    { until: ["1h", "2h"] },
    { until: ["yesterday evening"] },
    { reference: ["x"] },
  ];
  test.each(REFUSED)("refuses the filter %j", async (filters) => {
    await using fixture = await testStore({});
    await expect(pruneImages(fixture.store, filters)).rejects.toThrow(/filter/);
  });
});

import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { FathomError } from "../std/errors.ts";
import { testStore } from "./_fixtures.ts";
import { layeredArchive, load, randomLayer, randomNumbers, seenOf } from "./_layered_images.ts";
import { inspectImage } from "./images.ts";
import { squashImage } from "./squash.ts";
import { currentCatalog } from "./store.ts";

const CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

describe("a squashed image", () => {
  test("shows what the image showed, whatever its layers hide from each other", async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomNumbers(seed);
      const layers = Array.from({ length: 2 + random(4) }, () => randomLayer(random));
      await using own = await testStore();
      await load(own.store, layeredArchive(layers));
      const before = await seenOf(own.store, "layered", own.root);
      const from = random(layers.length);
      await squashImage(own.store, "layered", {
        from: from === 0 ? undefined : String(from),
        reference: "flat",
      });
      expect([seed, await seenOf(own.store, "flat", own.root)]).toEqual([seed, before]);
      const { RootFS } = await inspectImage(own.store, "flat");
      expect(RootFS.Layers?.length).toBeLessThanOrEqual(from + 1);
    }
  });

  test("keeps owners, modes, times, capabilities, attributes, links, devices and sockets' absence", async () => {
    await using own = await testStore();
    const pax = { "SCHILY.xattr.security.capability": CAPABILITY, mtime: "1700000000.123456789" };
    await load(
      own.store,
      layeredArchive([
        [{ name: "base", content: "base" }],
        [
          { name: "d/", type: "5", mode: 0o1777, uid: 7 },
          { name: "d/suid", content: "x".repeat(100_000), mode: 0o4755, uid: 12, pax },
          { name: "d/same", type: "1", link: "d/suid" },
          { name: "d/user", content: "u", pax: { "SCHILY.xattr.user.note": "kept" } },
          { name: "null", type: "3", device: [1, 3], mode: 0o666 },
          { name: "pipe", type: "6", mode: 0o622 },
          { name: "a name\nof\x1b[2Jlines", content: "odd" },
        ],
        [{ name: ".wh.base" }, { name: "d/link", type: "2", link: "../d/suid" }],
      ]),
    );
    const before = await seenOf(own.store, "layered", own.root);
    expect(before.join("\n")).toContain("security.capability");
    await squashImage(own.store, "layered", { from: "1", reference: "flat" });
    expect(await seenOf(own.store, "flat", own.root)).toEqual(before);
  });

  test("holds nothing of what was deleted, and no whiteout of what never lay beneath", async () => {
    await using own = await testStore();
    await load(
      own.store,
      layeredArchive([
        [{ name: "kept", content: "k" }],
        [{ name: "big", content: "x".repeat(1_000_000) }],
        [{ name: ".wh.big" }],
        [{ name: "testfile.txt", content: "" }],
      ]),
    );
    const done = await squashImage(own.store, "layered", { from: "1", reference: "flat" });
    expect(done).toMatchObject({ Layers: { Before: 4, After: 2 }, Size: { Before: 1_000_001, After: 1 } });
    const flat = (await currentCatalog(own.store)).byReference.get("docker.io/library/flat:latest");
    const blob = `${own.root}/images/blobs/sha256/${flat?.manifest.layers[1]?.digest.slice(7)}`;
    const names = (await readFile(blob, "latin1")).match(/(?:\.wh\.)?\w+(?:\.\w+)?(?=\0{20})/g);
    expect(names?.[0]).toBe("testfile.txt");
    expect(names?.join()).not.toContain("big");
  });

  test("tells in its history which lines were merged, as Docker's squash does, and leaves the rest as it was", async () => {
    await using own = await testStore();
    const history = [
      { created_by: "FROM base" },
      { created_by: "ENV A=b", empty_layer: true },
      { created_by: "RUN one" },
      { created_by: "RUN two" },
    ];
    const entries = ["one", "two", "three"].map((name) => [{ name, content: name }]);
    await load(own.store, layeredArchive(entries, { history, author: "somebody" }));
    const before = (await currentCatalog(own.store)).byReference.get("docker.io/library/layered:latest");
    const { Id } = await squashImage(own.store, "layered", { from: "2" });
    const config = (await currentCatalog(own.store)).byId.get(Id)?.config;
    expect(config?.history).toEqual([
      { created_by: "FROM base" },
      { created_by: "ENV A=b", empty_layer: true },
      { created_by: "RUN one", empty_layer: true },
      { created_by: "RUN two", empty_layer: true },
      {
        created: config?.created ?? "",
        comment: `merge ${before?.id} to ${before?.config.rootfs.diff_ids[0]}`,
      },
    ]);
    expect(config).toMatchObject({ author: "somebody", config: { Cmd: ["sh"], Labels: { a: "b" } } });
    expect(config?.rootfs.diff_ids[0]).toBe(before?.config.rootfs.diff_ids[0] ?? "sha256:");
  });
});

describe("what stays as it is", () => {
  const sentence = async (from: string): Promise<string | number> => {
    await using own = await testStore();
    await load(own.store, layeredArchive([[{ name: "base", content: "b" }]]));
    await squashImage(own.store, "layered", { reference: "base" });
    await load(own.store, layeredArchive(["one", "two", "three"].map((name) => [{ name, content: name }])));
    const catalog = await currentCatalog(own.store);
    const image = catalog.byReference.get("docker.io/library/layered:latest");
    const named = from.replace("DIFF", image?.config.rootfs.diff_ids[1]?.slice(7, 20) ?? "");
    const chained = named.replace("CHAIN", image?.chain[1] ?? "");
    return await squashImage(own.store, "layered", { from: chained }).then(
      ({ Layers }) => Layers.After,
      (error: unknown) => (error instanceof FathomError ? `${error.kind}: ${error.message}` : String(error)),
    );
  };

  test.each([
    ["1", 2],
    ["DIFF", 3],
    ["sha256:DIFF", 3],
    ["CHAIN", 3],
    ["3", "invalid: there is no layer above 3 to squash: give one further down"],
    ["9", "not-found: no line 9 in the image's history, which has 3"],
    ["base", "invalid: image base is not below this one: its layers are others"],
    [
      "feed5eed",
      "not-found: no layer feed5eed in the image: give the beginning of a layer's digest, a line of its history, or an image below it",
    ],
  ])("%s", async (from, expected) => {
    expect(await sentence(from)).toBe(expected);
  });
});

test("an image that is not there, and a name that cannot be given, are refused before anything is made", async () => {
  await using own = await testStore();
  await expect(squashImage(own.store, "nothing", {})).rejects.toThrow("No such image: nothing:latest");
  await expect(squashImage(own.store, "nothing", { reference: "Not A Name" })).rejects.toThrow(
    "invalid reference format",
  );
});

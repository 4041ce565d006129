import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { digestOf } from "../spec/digest.ts";
import { messageOf } from "../std/errors.ts";
import { streamOf, type TarFields, tarOf, testStore } from "./_fixtures.ts";
import { configOf, filesTar, layerOf, ociLayout } from "./_image_archives.ts";
import { layeredArchive, load, randomLayer, randomNumbers, seenOf } from "./_layered_images.ts";
import type { SquashOptions } from "./squash.ts";
import { squashArchive } from "./squash_archive.ts";
import { currentCatalog } from "./store.ts";

async function squashed(archive: Uint8Array, options: SquashOptions = {}): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(squashArchive(streamOf(archive, 3000), options)));
}

const refusal = (archive: Uint8Array, options?: SquashOptions): Promise<string> =>
  squashed(archive, options).then(() => "it was taken", messageOf);

describe("a squashed archive", () => {
  test("loads as an image that shows what the first showed, whatever its layers hide from each other", async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomNumbers(seed * 7);
      const layers = Array.from({ length: 2 + random(4) }, () => randomLayer(random));
      await using own = await testStore();
      const archive = layeredArchive(layers);
      await load(own.store, archive);
      const before = await seenOf(own.store, "layered", own.root);
      const from = random(layers.length);
      await load(
        own.store,
        await squashed(archive, { from: from === 0 ? undefined : String(from), reference: "flat" }),
      );
      expect([seed, await seenOf(own.store, "flat", own.root)]).toEqual([seed, before]);
    }
  });

  test("keeps a file that is seen by another of its names only, with all that it is", async () => {
    await using own = await testStore();
    const pax = { "SCHILY.xattr.user.note": "kept", mtime: "1700000000.5" };
    const archive = layeredArchive([
      [{ name: "base", content: "b" }],
      [
        { name: "one", content: "x".repeat(200_000), mode: 0o4711, uid: 9, pax },
        { name: "two", type: "1", link: "one" },
        { name: "three", type: "1", link: "two" },
      ],
      [{ name: ".wh.one" }, { name: "a name\nof lines", content: "odd" }],
    ]);
    await load(own.store, archive);
    const before = await seenOf(own.store, "layered", own.root);
    await load(own.store, await squashed(archive, { from: "1", reference: "flat" }));
    expect(await seenOf(own.store, "flat", own.root)).toEqual(before);
    expect(before.join()).toContain("sameAs=three");
  });

  test("comes of an OCI layout with compressed layers too, which stay as they were where they are kept", async () => {
    await using own = await testStore();
    const plain = [layerOf("one", "a"), layerOf("two", "b"), layerOf("three", "c")];
    const { image, archive } = ociLayout();
    const layers = plain.map((layer) => gzipSync(layer));
    const manifest = image(configOf(plain), layers, "application/vnd.oci.image.layer.v1.tar+gzip");
    await load(own.store, await squashed(archive([manifest]), { from: "1", reference: "flat:2" }));
    const flat = (await currentCatalog(own.store)).byReference.get("docker.io/library/flat:2");
    expect(flat?.manifest.layers.map(({ mediaType }) => mediaType.replace(/.*\./, ""))).toEqual([
      "tar+gzip",
      "tar",
    ]);
    expect(flat?.manifest.layers[0]?.digest).toBe(digestOf(layers[0] ?? ""));
    expect(await seenOf(own.store, "flat:2", own.root)).toHaveLength(3);
  });

  test("holds no whiteout for what lay in the merged layers alone", async () => {
    const archive = layeredArchive([
      [{ name: "kept", content: "k" }],
      [{ name: "big", content: "x".repeat(500_000) }],
      [{ name: ".wh.big" }, { name: ".wh.kept" }],
    ]);
    const text = (await squashed(archive, { from: "1" })).toString("latin1");
    expect(text).toContain(".wh.kept");
    expect(text).not.toContain(".wh.big");
    expect(text.length).toBeLessThan(20_000);
    expect((await squashed(archive)).toString("latin1")).not.toContain(".wh.");
  });

  test("may begin at an image that was saved beside it", async () => {
    const layers = ["one", "two", "three"].map((name) => layerOf(name, name));
    const config = (count: number) => configOf(layers.slice(0, count));
    const entry = (count: number, tag: string) => ({
      Config: `${count}.json`,
      RepoTags: [tag],
      Layers: layers.slice(0, count).map((_, at) => `${at}.tar`),
    });
    const archive = filesTar({
      "1.json": config(1),
      "3.json": config(3),
      ...Object.fromEntries(layers.map((layer, at) => [`${at}.tar`, layer])),
      "manifest.json": JSON.stringify([entry(1, "base:latest"), entry(3, "app:latest")]),
    });
    await using own = await testStore();
    await load(own.store, await squashed(archive, { from: "base", reference: "flat" }));
    expect([...(await currentCatalog(own.store)).byReference.keys()]).toEqual([
      "docker.io/library/flat:latest",
    ]);
    expect(await seenOf(own.store, "flat", own.root)).toHaveLength(3);
  });
});

describe("an archive that cannot be squashed is refused by name:", () => {
  const entry = (...entries: TarFields[]) => refusal(layeredArchive([entries]));

  test.each<[string, TarFields[], string]>([
    ["a way out", [{ name: "../x" }], `entry "../x" would be written outside the image's root`],
    ["an absolute name", [{ name: "/x" }], `entry "/x" would be written outside`],
    [
      "a way out by a link",
      [{ name: "up", type: "2", link: "../.." }, { name: "up/x" }],
      `entry "up/x" leaves the image's root through a symbolic link`,
    ],
    [
      "a loop of links",
      [{ name: "a", type: "2", link: "b" }, { name: "b", type: "2", link: "a" }, { name: "a/x" }],
      `entry "a/x" leads through a loop of symbolic links`,
    ],
    [
      "a link to nothing",
      [{ name: "l", type: "1", link: "no" }],
      "is a hard link to a file that the archive",
    ],
    [
      "a file in a file",
      [{ name: "f" }, { name: "f/x" }],
      `"f/x" is below something that is not a directory`,
    ],
    [
      "an impossible device",
      [{ name: "dev", type: "3", device: [0x1000, 1] }],
      "is a device 4096:1, which Linux cannot have",
    ],
    [
      "a name of many parts",
      [{ name: "x", pax: { path: "d/".repeat(1500) } }],
      "is more than 1000 directories deep",
    ],
    ["a long name", [{ name: "x", pax: { path: "n".repeat(300) } }], "has a name of 300 bytes"],
    [
      "a sparse file larger than any disk",
      [
        {
          name: "hole",
          pax: { "GNU.sparse.size": "9000000000000000", "GNU.sparse.numblocks": "0", "GNU.sparse.map": "" },
        },
      ],
      `entry "hole" of 9000000000000000 bytes has no room`,
    ],
  ])("%s", async (_, entries, expected) => {
    expect(await entry(...entries)).toContain(expected);
  });

  test("one that is cut short, and one of no images", async () => {
    const archive = layeredArchive([[{ name: "f", content: "f" }]]);
    expect(await refusal(archive.subarray(0, 2000))).toContain("it ends in the middle (unexpected EOF)");
    expect(await refusal(tarOf({ name: "f", content: "f" }))).toContain("it holds no images");
  });

  test("one with a layer that is not what the configuration says", async () => {
    const archive = filesTar({
      "config.json": configOf([layerOf("what was said")]),
      "layer.tar": layerOf("what came"),
      "manifest.json": JSON.stringify([{ Config: "config.json", RepoTags: null, Layers: ["layer.tar"] }]),
    });
    expect(await refusal(archive)).toMatch(
      /a layer of it is sha256:\w{64}, and the image's configuration says sha256:\w{64}/,
    );
  });

  test("one with several images", async () => {
    const { image, archive } = ociLayout();
    const [one, two] = ["one", "two"].map((name) => image(configOf([layerOf(name)]), [layerOf(name)]));
    expect(await refusal(archive([one ?? {}, two ?? {}]))).toBe(
      "the archive holds 2 images, of which one can be squashed: save that one alone",
    );
  });
});

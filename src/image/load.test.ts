import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, hexOf } from "../spec/digest.ts";
import type { Digest, Platform } from "../spec/oci_image.ts";
import { filesOf, namesIn, streamOf, tagsOf, testStore } from "./_fixtures.ts";
import { configOf, dockerArchive, filesTar, layerOf, ociLayout } from "./_image_archives.ts";
import {
  type ImageStore,
  imageHistory,
  inspectImage,
  loadImages,
  mountSnapshot,
  prepareSnapshot,
  recoverImages,
  removeImage,
  removeSnapshot,
  saveImages,
  settleImages,
  tagImage,
  unmountSnapshot,
} from "./mod.ts";

/** What is said of what was loaded. */
async function load(store: ImageStore, archive: Uint8Array, platform?: Platform): Promise<string[]> {
  const said: string[] = [];
  await loadImages(store, streamOf(archive), {
    quiet: true,
    ...(platform && { platform }),
    tell: ({ stream }) => said.push((stream ?? "").trimEnd()),
  });
  return said;
}

async function saved(store: ImageStore, names: string[], platform?: Platform): Promise<Buffer> {
  using archive = await saveImages(store, names, platform && { platform });
  const pieces: Uint8Array[] = [];
  for await (const piece of archive.archive) pieces.push(piece);
  return Buffer.concat(pieces);
}

const [low, high] = [layerOf("low"), layerOf("high", "g")];
const config = configOf([low, high]);
const image = { config, layers: [low, high], tags: ["a:1", "localhost:5000/b/c:2"] };
const contentOf = async (store: ImageStore, name: string, file: string) => {
  const { UpperDir = "", LowerDir } = (await inspectImage(store, name)).GraphDriver.Data ?? {};
  const directories = [UpperDir, ...(LowerDir?.split(":") ?? [])];
  const found = await Promise.all(
    directories.map((path) => readFile(join(path, file), "utf8").catch(() => "")),
  );
  return found.join("");
};

describe("an archive of Docker's", () => {
  test.each([false, true])("is loaded with all its names, its manifest first: %p", async (manifestFirst) => {
    await using fixture = await testStore();
    expect(await load(fixture.store, dockerArchive([image], { manifestFirst }))).toEqual([
      "Loaded image: a:1",
      "Loaded image: localhost:5000/b/c:2",
    ]);
    const found = await inspectImage(fixture.store, "a:1");
    expect(found.Id).toBe(digestOf(config));
    expect(found.RepoTags).toEqual(image.tags);
    expect(await contentOf(fixture.store, "a:1", "f")).toBe("low");
    expect(await contentOf(fixture.store, "a:1", "g")).toBe("high");
    expect(await namesIn(fixture.root, "images", "ingest")).toEqual([]);
    expect(await namesIn(fixture.root, "layers", "ingest")).toEqual([]);
  });

  test.each(["gzip", "zstd", "xz", "bzip2"])("may be compressed with %s", async (program) => {
    await using fixture = await testStore();
    const stdin = new Uint8Array(dockerArchive([image]));
    const compressed = Bun.spawnSync([program, "-c"], { stdin }).stdout;
    expect(await load(fixture.store, compressed)).toHaveLength(2);
    const cut = load(fixture.store, compressed.subarray(0, compressed.length - 20));
    await expect(cut).rejects.toThrow(`the archive's ${program} stream is damaged or cut short`);
  });

  test("holds several images, some without a name, that have layers in common or the same layer twice", async () => {
    await using fixture = await testStore();
    const twice = configOf([low, high, low]);
    const archive = dockerArchive([
      image,
      { config: twice, layers: [low, high, low], tags: null },
      { config: configOf([high]), layers: [high], tags: [] },
    ]);
    expect((await load(fixture.store, archive)).slice(2)).toEqual([
      `Loaded image ID: ${digestOf(twice)}`,
      `Loaded image ID: ${digestOf(configOf([high]))}`,
    ]);
    expect(await contentOf(fixture.store, digestOf(twice), "f")).toBe("lowlow");
    expect(await namesIn(fixture.root, "layers", "ingest")).toEqual([]);
    expect(await namesIn(fixture.root, "images", "ingest")).toEqual([]);
  });

  test("has layers that are compressed, or links to others", async () => {
    await using fixture = await testStore();
    const zipped = Buffer.from(Bun.gzipSync(new Uint8Array(low)));
    const archive = filesTar(
      {
        "manifest.json": JSON.stringify([
          { Config: "c.json", RepoTags: ["l:1"], Layers: ["a/layer.tar", "b/layer.tar"] },
        ]),
        "c.json": configOf([low, low]),
        "a/layer.tar": zipped,
      },
      { name: "b/layer.tar", type: "2", link: "../a/layer.tar" },
    );
    expect(await load(fixture.store, archive)).toEqual(["Loaded image: l:1"]);
    expect(await contentOf(fixture.store, "l:1", "f")).toBe("lowlow");
  });

  test("takes a name from the image that had it, and says so", async () => {
    await using fixture = await testStore();
    await load(fixture.store, dockerArchive([image]));
    const other = { config: configOf([high]), layers: [high], tags: ["a:1"] };
    expect(await load(fixture.store, dockerArchive([other]))).toEqual([
      `The image a:1 already exists, renaming the old one with ID ${digestOf(config)} to empty string`,
      "Loaded image: a:1",
    ]);
    expect(await tagsOf(fixture.store)).toEqual(["a:1", "localhost:5000/b/c:2"]);
  });

  test("loaded again changes nothing, and gives names back", async () => {
    await using fixture = await testStore();
    await load(fixture.store, dockerArchive([image]));
    const before = await filesOf(fixture.root);
    await load(fixture.store, dockerArchive([image]));
    await removeImage(fixture.store, "a:1", { force: false });
    expect(await load(fixture.store, dockerArchive([image]))).toHaveLength(2);
    expect(await filesOf(fixture.root)).toEqual(before);
    expect(await tagsOf(fixture.store)).toEqual(["a:1", "localhost:5000/b/c:2"]);
  });
});

test("an image of 500 layers is loaded and its files are seen through all of them", async () => {
  await using fixture = await testStore();
  const layers = Array.from({ length: 500 }, (_, at) => layerOf(String(at), `f${at}`));
  const tall = { config: configOf(layers), layers, tags: ["tall:1"] };
  await load(fixture.store, dockerArchive([tall]));
  const { Id } = await inspectImage(fixture.store, "tall:1");
  await prepareSnapshot(fixture.store, { container: "c", image: Id as Digest });
  const root = await mountSnapshot(fixture.store, "c");
  expect(await namesIn(root)).toHaveLength(500);
  expect(await readFile(join(root, "f0"), "utf8")).toBe("0");
  await unmountSnapshot(fixture.store, "c");
  await removeSnapshot(fixture.store, "c");
}, 60_000);

describe("an archive of OCI's form", () => {
  const named = (name: string) => ({ annotations: { "org.opencontainers.image.ref.name": name } });

  test.each([
    ["a whole name", "quay.io/a/b:c", "Loaded image: quay.io/a/b:c"],
    ["a name with a tag", "b:c", "Loaded image: b:c"],
    ["a tag only", "latest", `Loaded image ID: ${digestOf(config)}`],
  ])("is loaded with %s", async (_, name, said) => {
    await using fixture = await testStore();
    const layout = ociLayout();
    const archive = layout.archive([{ ...layout.image(config, [low, high]), ...named(name) }]);
    expect(await load(fixture.store, archive)).toEqual([said]);
  });

  test("keeps the digest of its manifest and its layers as they are stored", async () => {
    await using fixture = await testStore();
    const layout = ociLayout();
    const zipped = Buffer.from(Bun.gzipSync(new Uint8Array(low)));
    const manifest = layout.image(configOf([low]), [zipped], "application/vnd.oci.image.layer.v1.tar+gzip");
    const annotations = { "io.containerd.image.name": "docker.io/library/x:1", ...named("1").annotations };
    expect(await load(fixture.store, layout.archive([{ ...manifest, annotations }]))).toEqual([
      "Loaded image: x:1",
    ]);
    const blobs = await namesIn(fixture.root, "images", "blobs", "sha256");
    expect(blobs).toContain(hexOf(manifest.digest));
    expect(blobs).toContain(hexOf(digestOf(zipped)));
    expect(await contentOf(fixture.store, "x:1", "f")).toBe("low");
  });

  test("has an index of platforms: this host's is taken, or the one asked for, never an attestation", async () => {
    const layout = ociLayout();
    const own = { architecture: process.arch === "x64" ? "amd64" : "arm64", os: "linux" };
    const forOwn = configOf([low], own);
    const forRiscv = configOf([high], { architecture: "riscv64" });
    const index = layout.add(
      JSON.stringify({
        schemaVersion: 2,
        manifests: [
          {
            ...layout.image(configOf([low, low]), [low, low]),
            platform: { architecture: "unknown", os: "unknown" },
          },
          { ...layout.image(forRiscv, [high]), platform: { architecture: "riscv64", os: "linux" } },
          { ...layout.image(forOwn, [low]), platform: own },
        ],
      }),
      "application/vnd.oci.image.index.v1+json",
    );
    const archive = layout.archive([{ ...index, ...named("m:1") }]);
    await using fixture = await testStore();
    await load(fixture.store, archive);
    expect((await inspectImage(fixture.store, "m:1")).Id).toBe(digestOf(forOwn));
    await load(fixture.store, archive, { architecture: "riscv64", os: "linux" });
    expect((await inspectImage(fixture.store, "m:1")).Id).toBe(digestOf(forRiscv));
    await expect(load(fixture.store, archive, { architecture: "s390x", os: "linux" })).rejects.toThrow(
      "requested platform (linux/s390x) not found",
    );
  });
});

describe("what is saved", () => {
  test("is the same bytes each time, and the same again from where it was loaded", async () => {
    await using one = await testStore();
    await using other = await testStore();
    await load(one.store, dockerArchive([image]));
    const archive = await saved(one.store, ["a:1", "localhost:5000/b/c:2"]);
    expect(await saved(one.store, ["a:1", "localhost:5000/b/c:2"])).toEqual(archive);
    expect(await load(other.store, archive)).toEqual([
      "Loaded image: a:1",
      "Loaded image: localhost:5000/b/c:2",
    ]);
    expect(await saved(other.store, ["a:1", "localhost:5000/b/c:2"])).toEqual(archive);
  });

  test("has the names that were asked for: a repository's are all its tags, an ID has none", async () => {
    await using fixture = await testStore();
    const other = { config: configOf([high]), layers: [high], tags: ["a:2"] };
    await load(fixture.store, dockerArchive([image, other]));
    const loadedFrom = async (...names: string[]) => {
      await using empty = await testStore();
      return await load(empty.store, await saved(fixture.store, names));
    };
    expect(await loadedFrom("a")).toEqual(["Loaded image: a:1", "Loaded image: a:2"]);
    expect(await loadedFrom("a:2", "a:2")).toEqual(["Loaded image: a:2"]);
    expect(await loadedFrom(digestOf(config).slice(7, 19))).toEqual([`Loaded image ID: ${digestOf(config)}`]);
    await expect(saved(fixture.store, ["a:1", "nosuch"])).rejects.toThrow("No such image: nosuch");
    await expect(saved(fixture.store, ["a:1"], { architecture: "mips", os: "linux" })).rejects.toThrow(
      "does not provide the specified platform (linux/mips)",
    );
  });

  test("is whole although the image is removed meanwhile, and then nothing of it is left", async () => {
    await using fixture = await testStore();
    await load(fixture.store, dockerArchive([{ ...image, tags: ["a:1"] }]));
    const whole = await saved(fixture.store, ["a:1"]);
    {
      using archive = await saveImages(fixture.store, ["a:1"]);
      await removeImage(fixture.store, "a:1", { force: false });
      const pieces: Uint8Array[] = [];
      for await (const piece of archive.archive) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(whole)).toBe(true);
    }
    await recoverImages(fixture.store);
    await settleImages(fixture.store);
    expect((await filesOf(fixture.root)).filter((name) => name !== "ingest")).toEqual([]);
  });
});

describe("what an archive says an image was made from", () => {
  const family = (parents: Record<"base" | "child", string | undefined>): Buffer => {
    const configs = { base: configOf([low]), child: configOf([low, high]) };
    const manifest = (["child", "base"] as const).map((name) => ({
      Config: `${name}.json`,
      RepoTags: [`${name}:1`],
      Layers: name === "base" ? ["low"] : ["low", "high"],
      Parent: parents[name],
    }));
    return filesTar({
      low,
      high,
      "base.json": configs.base,
      "child.json": configs.child,
      "manifest.json": JSON.stringify(manifest),
    });
  };
  const base = digestOf(configOf([low]));
  const child = digestOf(configOf([low, high]));

  test("is kept, also by its other names and by the next daemon", async () => {
    await using fixture = await testStore();
    await load(fixture.store, family({ base: undefined, child: base }));
    await tagImage(fixture.store, "child:1", "other:1");
    await removeImage(fixture.store, "child:1", { force: false });
    for (const store of [fixture.store, { ...fixture.store, catalog: undefined }])
      expect((await inspectImage(store, "other:1")).Parent).toBe(base);
  });

  test.each([
    ["what is not here", { base: undefined, child: `sha256:${"0".repeat(64)}` }],
    ["what is no ID", { base: undefined, child: "base" }],
    ["what has other steps", { base: child, child: undefined }],
    ["itself", { base, child }],
  ])("is passed over where it is %s", async (_, parents) => {
    await using fixture = await testStore();
    await load(fixture.store, family(parents));
    for (const name of ["base:1", "child:1"])
      expect((await inspectImage(fixture.store, name)).Parent).toBe("");
  });
});

test("history tells each step with the size of its layer, the latest first", async () => {
  await using fixture = await testStore();
  const history = [
    { created: "1970-01-01T00:00:07Z", created_by: "ADD", comment: "c" },
    { created_by: "ENV", empty_layer: true },
    { created_by: "COPY" },
  ];
  await load(fixture.store, dockerArchive([{ ...image, config: configOf([low, high], { history }) }]));
  const rows = await imageHistory(fixture.store, "a:1");
  expect(rows.map(({ CreatedBy, Size }) => [CreatedBy, Size])).toEqual([
    ["COPY", 4],
    ["ENV", 0],
    ["ADD", 3],
  ]);
  expect(rows.map(({ Id }) => Id)).toEqual([
    (await inspectImage(fixture.store, "a:1")).Id,
    "<missing>",
    "<missing>",
  ]);
  expect(rows[2]).toMatchObject({ Created: 7, Comment: "c", Tags: null });
  expect(rows[0]?.Tags).toEqual(image.tags);
});

describe("an archive is refused in a sentence, and nothing of it is left", () => {
  const manifest = (value: unknown) => ({ "manifest.json": JSON.stringify(value) });
  const one = (more: object) => manifest([{ Config: "c.json", RepoTags: ["x:1"], Layers: ["l"], ...more }]);
  const good = { "c.json": configOf([low]), l: low };
  const layout = (() => {
    const made = ociLayout();
    return { made, manifest: made.image(configOf([low]), [low]) };
  })();
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  test.each<[string, Buffer, string]>([
    ["without images", filesTar({ a: "b" }), "invalid archive: does not contain a manifest.json"],
    ["whose manifest is no JSON", filesTar({ "manifest.json": "{" }), '"manifest.json" is no JSON'],
    [
      "whose manifest is no list",
      filesTar(manifest({ a: 1 })),
      '"manifest.json" is malformed: invalid value for the whole',
    ],
    ["whose manifest is nested absurdly", filesTar({ "manifest.json": deep }), "nested more than 64 deep"],
    ["with fields of other types", filesTar(one({ Layers: 7 })), "Layers: expected a list"],
    ["without its configuration", filesTar(one({})), 'the archive has no "c.json"'],
    ["without a layer", filesTar({ ...one({}), "c.json": configOf([low]) }), 'the archive has no "l"'],
    [
      "with layers that do not fit",
      filesTar({ ...one({ Layers: [] }), ...good }),
      "layers length mismatch: expected 1, got 0",
    ],
    [
      "with another layer than it says",
      filesTar({ ...one({}), "c.json": configOf([high]), l: low }),
      "invalid diffID for layer",
    ],
    [
      "for Windows",
      filesTar({ ...one({}), ...good, "c.json": configOf([low], { os: "windows" }) }),
      "cannot load windows image on linux",
    ],
    [
      "with a name that cannot be",
      filesTar({ ...one({ RepoTags: ["A:1"] }), ...good }),
      "invalid reference format",
    ],
    [
      "with labels that are none",
      filesTar({ ...one({}), ...good, "c.json": configOf([low], { config: { Labels: 7 } }) }),
      "config.Labels: expected an object",
    ],
    [
      "with a name that leads out",
      filesTar({ "../../etc/x": "y" }),
      'its entry "../../etc/x" would be written outside',
    ],
    ["with an absolute name", filesTar({ "/etc/x": "y" }), 'its entry "/etc/x" would be written outside'],
    [
      "with a link that leads out",
      filesTar({}, { name: "l", type: "2", link: "/etc/passwd" }),
      'is a link to "/etc/passwd", outside',
    ],
    [
      "with a hard link that leads out",
      filesTar({}, { name: "a/l", type: "1", link: "../x" }),
      'is a link to "../x", outside',
    ],
    [
      "with a loop of links",
      filesTar(
        { ...one({}), "c.json": configOf([low]) },
        { name: "l", type: "2", link: "m" },
        { name: "m", type: "2", link: "l" },
      ),
      'entry "l" leads through a loop of links',
    ],
    [
      "with a device",
      filesTar({}, { name: "d", type: "3", device: [1, 3] }),
      'its entry "d" is a character device',
    ],
    [
      "with a malicious layer",
      filesTar({ ...one({}), "c.json": configOf([low]), l: layerOf("x", "../evil") }),
      'layer "l": the archive is refused: its entry "../evil"',
    ],
    [
      "with a layer cut short",
      filesTar({ l: low.subarray(0, 700) }),
      'layer "l": the archive is damaged or is no tar archive',
    ],
    [
      "with a blob of another content",
      filesTar({ [`blobs/sha256/${"a".repeat(64)}`]: "{}" }),
      "does not have the content that its name says",
    ],
    [
      "with a layer of another content",
      filesTar({ [`blobs/sha256/${"a".repeat(64)}`]: low }),
      "it was changed on the way",
    ],
    [
      "with a huge document",
      filesTar({ "manifest.json": " ".repeat(5_000_000) }),
      "is 5000000 bytes of JSON",
    ],
    [
      "whose index has no digest",
      layout.made.archive([{ ...layout.manifest, digest: "sha256:../../x" }]),
      "which is no SHA-256 digest",
    ],
    [
      "whose index names nothing that is there",
      layout.made.archive([{ ...layout.manifest, digest: `sha256:${"b".repeat(64)}` }]),
      "names no image that is in it",
    ],
    ["that is cut short", dockerArchive([image]).subarray(0, 3000), "unexpected EOF"],
    ["of rubbish", Buffer.alloc(4096, "rubbish"), "is no tar archive"],
  ])("%s", async (_, archive, sentence) => {
    await using fixture = await testStore();
    const failure: unknown = await load(fixture.store, archive).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as Error).message).toContain(sentence);
    expect((failure as Error).message).not.toContain("\n");
    expect(["invalid", "unsupported"]).toContain((failure as { kind?: string }).kind ?? "none");
    expect((await filesOf(fixture.root)).filter((name) => name !== "ingest")).toEqual([]);
  });

  test("of indexes that lead on and on", async () => {
    await using fixture = await testStore();
    const made = ociLayout();
    let inner = made.image(configOf([low]), [low]);
    for (let depth = 0; depth < 20; depth += 1)
      inner = made.add(
        JSON.stringify({ schemaVersion: 2, manifests: [inner] }),
        "application/vnd.oci.image.index.v1+json",
      );
    await expect(load(fixture.store, made.archive([inner]))).rejects.toThrow("indexes deep");
  });
});

import { describe, expect, test } from "bun:test";
import { testStore } from "./_fixtures.ts";
import { layeredArchive, load } from "./_layered_images.ts";
import { instructionOf } from "./_lines.ts";
import { imageDifferences } from "./image_diff.ts";
import { findFiles, layerFiles, type Told } from "./layer_files.ts";
import { whyBig } from "./why_big.ts";

const LAYERS = [
  [
    { name: "d/", type: "5", mode: 0o1777 },
    { name: "d/big", content: "x".repeat(50_000) },
    { name: "d/two", content: "y".repeat(20_000) },
    { name: "same", content: "z".repeat(20_000) },
    { name: "link", type: "2", link: "d/big" },
  ],
  [
    { name: "d/", type: "5" },
    { name: "d/.wh.big" },
    { name: "d/two", content: "y".repeat(20_000), mode: 0o755 },
  ],
  [
    { name: ".wh.d" },
    { name: "var/lib/apt/lists/x", content: "l".repeat(1000) },
    { name: "copy", content: "z".repeat(20_000) },
  ],
];
const HISTORY = [
  { created_by: "/bin/sh -c #(nop) COPY file:1 in /" },
  { created_by: "/bin/sh -c #(nop)  ENV A=b", empty_layer: true },
  { created_by: "/bin/sh -c chmod 755 d/two" },
  { created_by: "RUN /bin/sh -c apt-get update # buildkit" },
];

async function layered() {
  const own = await testStore();
  await load(own.store, layeredArchive(LAYERS, { history: HISTORY }));
  return own;
}

async function told<T>(from: Promise<Told<T>>): Promise<T[]> {
  using held = await from;
  return (await Array.fromAsync(held.pieces)).flat();
}

describe("a layer's files", () => {
  test("are told with whiteouts as what they delete", async () => {
    await using own = await layered();
    const files = await told(layerFiles(own.store, "layered", "4"));
    expect(files.filter(({ Change }) => Change === "deleted")).toMatchObject([
      { Path: "/d", Kind: "directory", Mode: 0o644 },
    ]);
    expect(files.map(({ Path }) => Path)).toContain("/var/lib/apt/lists/x");
    expect(await told(layerFiles(own.store, "layered", "1"))).toMatchObject([
      { Path: "/d", Change: "added", Kind: "directory", Mode: 0o1777 },
      { Path: "/d/big", Size: 50_000, ModTime: "2001-09-09T01:46:40Z" },
      { Path: "/d/two" },
      { Path: "/link", Kind: "symlink", Target: "d/big" },
      { Path: "/same" },
    ]);
  });

  test("are not those of a line that made no layer", async () => {
    await using own = await layered();
    await expect(layerFiles(own.store, "layered", "2")).rejects.toThrow(
      "line 2 of the image's history made no layer",
    );
    await expect(layerFiles(own.store, "layered", "beef")).rejects.toThrow("no layer beef in the image");
  });
});

test("a file is found with the lines that brought, changed and deleted it, also with its directory", async () => {
  await using own = await layered();
  const found = async (wanted: string) =>
    (await findFiles(own.store, "layered", wanted)).Files.map(({ Path, Present, Changes }) => [
      Path,
      Present,
      ...Changes.map(({ Line, Change }) => `${Change} by ${Line}`),
    ]);
  expect(await found("/d/two")).toEqual([["/d/two", false, "added by 1", "changed by 3", "deleted by 4"]]);
  expect(await found("/d/b*")).toEqual([["/d/big", false, "added by 1", "deleted by 3"]]);
  expect(await found("same")).toEqual([["/same", true, "added by 1"]]);
  expect(await found("nothing")).toEqual([]);
});

test("why an image is big is told by line, with what nobody sees, caches and copies, each with its mend", async () => {
  await using own = await layered();
  const why = await whyBig(own.store, "layered");
  expect(why.Layers.map(({ Line, Size, Unseen }) => [Line, Size, Unseen])).toEqual([
    [1, 90_005, 70_000],
    [3, 20_000, 20_000],
    [4, 21_000, 0],
  ]);
  expect(why.Unseen.map(({ Written, Hidden, Bytes, Largest }) => [Written, Hidden, Bytes, Largest])).toEqual([
    [1, 3, 70_000, "/d/big"],
    [3, 4, 20_000, "/d/two"],
  ]);
  expect(why.Unseen[0]?.Mend).toContain("line 3 removes or replaces what line 1 copies");
  expect(why.Unseen[1]?.Mend).toContain("combine line 3 and line 4 into one RUN");
  expect(why.Caches).toMatchObject([{ What: "apt package lists", Line: 4, Bytes: 1000, Files: 1 }]);
  expect(why.Duplicates).toEqual([{ Bytes: 20_000, Copies: 2, Paths: ["/copy", "/same"] }]);
  expect(why.SquashSaves).toBe(90_000);
});

test("two images differ by what is seen of them, whatever their layers and times are", async () => {
  await using own = await layered();
  const other = [
    [{ name: "same", content: "z".repeat(20_000), pax: { mtime: "1" } }],
    [
      { name: "copy", content: "a".repeat(20_000) },
      { name: "link", type: "2", link: "elsewhere" },
    ],
  ];
  await load(own.store, layeredArchive(other));
  const [first] = [
    ...(await import("./images.ts").then(({ listImages }) => listImages(own.store, { filters: {} }))),
  ]
    .filter(({ RepoTags }) => RepoTags.length === 0)
    .map(({ Id }) => Id);
  const differences = await told(imageDifferences(own.store, first ?? "", "layered"));
  expect(
    differences.map(({ Path, Change, What }) => `${Change} ${Path} ${What.filter((w) => w !== "time")}`),
  ).toEqual([
    "changed /copy content",
    "changed /link target",
    "deleted /var ",
    "deleted /var/lib ",
    "deleted /var/lib/apt ",
    "deleted /var/lib/apt/lists ",
    "deleted /var/lib/apt/lists/x ",
  ]);
  expect(await told(imageDifferences(own.store, "layered", "layered"))).toEqual([]);
});

test.each([
  ["/bin/sh -c #(nop) COPY file:1 in /", "COPY file:1 in /"],
  ["/bin/sh -c apt-get update", "RUN apt-get update"],
  ["RUN /bin/sh -c make # buildkit", "RUN make"],
  ["RUN |1 A=b /bin/sh -c make # buildkit", "RUN make"],
  ["COPY a b # buildkit", "COPY a b"],
  ["", ""],
])("%j of a history is %j in a Dockerfile", (createdBy, instruction) => {
  expect(instructionOf(createdBy)).toBe(instruction);
});

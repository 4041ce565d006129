import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import {
  describeTree,
  namesIn,
  streamOf,
  type TarFields,
  tarOf,
  testDirectory,
  testStore,
} from "./_fixtures.ts";
import { stageLayer } from "./_stage.ts";
import { refusal, storePaths, unpacked } from "./_unpacked.ts";

describe("an entry that leaves the root is refused and nothing is left", () => {
  const file = (name: string): TarFields => ({ name, content: "evil" });
  const dir = (name: string): TarFields => ({ name, type: "5", mode: 0o755 });
  const symbolic = (name: string, target: string): TarFields => ({ name, type: "2", link: target });
  const hard = (name: string, target: string): TarFields => ({ name, type: "1", link: target });
  test.each<[string, string, TarFields[]]>([
    ["by ..", '"../evil"', [file("../evil")]],
    ["by .. further on", '"a/../../evil"', [dir("a"), file("a/../../evil")]],
    ["by an absolute name", '"/tmp/evil"', [file("/tmp/evil")]],
    ["being .. itself", '".."', [dir("..")]],
    ["through a link with ..", '"l/evil"', [symbolic("l", "../../../../outside"), file("l/evil")]],
    ["through an absolute link", '"l/evil"', [symbolic("l", "/tmp"), file("l/evil")]],
    [
      "through an absolute link to what it has itself",
      '"l/evil"',
      [dir("d"), symbolic("l", "/d"), file("l/evil")],
    ],
    ["through two links", '"b/evil"', [symbolic("a", "../.."), symbolic("b", "a/../.."), file("b/evil")]],
    [
      "through a link in a directory",
      '"d/l/evil"',
      [dir("d"), symbolic("d/l", "../../../.."), file("d/l/evil")],
    ],
    ["through a link, as a directory", '"l/evil/"', [symbolic("l", "/tmp"), dir("l/evil/")]],
    ["through a link, as a link", '"l/evil"', [symbolic("l", "/tmp"), symbolic("l/evil", "x")]],
    [
      "through a link, as a device",
      '"l/evil"',
      [symbolic("l", "/dev"), { name: "l/evil", type: "3", device: [1, 3] }],
    ],
    [
      "through a link, as a whiteout",
      '"l/.wh.victim"',
      [symbolic("l", "../../../../outside"), file("l/.wh.victim")],
    ],
    [
      "through a link, as an opaque mark",
      '"l/.wh..wh..opq"',
      [symbolic("l", "../../../../outside"), file("l/.wh..wh..opq")],
    ],
    ["through a link, making parents", '"l/x/y/evil"', [symbolic("l", "/tmp"), file("l/x/y/evil")]],
    ["by a hard link to an absolute name", '"passwd"', [hard("passwd", "/etc/passwd")]],
    ["by a hard link with ..", '"passwd"', [hard("passwd", "../../../../etc/passwd")]],
    ["by a hard link through a link", '"passwd"', [symbolic("l", "/etc"), hard("passwd", "l/passwd")]],
    ["in place of the root, as a link", '"."', [symbolic(".", "/etc")]],
    ["in place of the root, as a link with a slash", '"./"', [symbolic("./", "/etc")]],
    ["in place of the root, as a hard link", '"a"', [hard("a", ".")]],
    ["through a link that leads nowhere", '"l/evil"', [symbolic("l", "nowhere"), file("l/evil")]],
    ["through a loop", '"a/evil"', [symbolic("a", "b"), symbolic("b", "a"), file("a/evil")]],
    ["below a file", '"f/evil"', [file("f"), file("f/evil")]],
    ["by a long name", '"../', [{ name: "x", content: "evil", pax: { path: `../${"y/".repeat(200)}evil` } }]],
    [
      "by a long hard link",
      '"x"',
      [{ name: "x", type: "1", pax: { linkpath: `../${"y/".repeat(200)}evil` } }],
    ],
  ])("%s", async (_, named, entries) => {
    const message = await refusal(tarOf({ name: "first", content: "x" }, ...entries));
    expect(message).toStartWith(`the archive is refused: its entry ${named}`);
    expect(existsSync("/tmp/evil")).toBe(false);
    expect(message).not.toContain("\n");
  });

  test("when a directory, once used, is replaced by a link outside", async () => {
    const message = await refusal(tarOf(dir("d"), file("d/good"), symbolic("d", "/tmp"), file("d/evil")));
    expect(message).toContain('its entry "d/evil" leaves the image\'s root through a symbolic link');
  });

  test("when a link, once used, is replaced by one outside", async () => {
    const message = await refusal(
      tarOf(dir("d"), symbolic("l", "d"), file("l/good"), symbolic("l", "/tmp"), file("l/evil")),
    );
    expect(message).toContain('its entry "l/evil" leaves');
  });

  test("and a file does not follow the link whose name it has", async () => {
    const archive = tarOf(symbolic("l", "/tmp/fathom-test-evil"), file("l"));
    expect(await unpacked(archive, async (diff) => (await lstat(join(diff, "l"))).isFile())).toBe(true);
    expect(existsSync("/tmp/fathom-test-evil")).toBe(false);
  });

  test("and a hard link to a link is a second name of the link, which a file then replaces", async () => {
    const archive = tarOf(symbolic("l", "/tmp/fathom-test-evil"), hard("h", "l"), file("h"));
    expect(await unpacked(archive, describeTree)).toHaveLength(2);
    expect(existsSync("/tmp/fathom-test-evil")).toBe(false);
  });
});

test("owners and devices that Linux cannot have are refused", async () => {
  expect(await refusal(tarOf({ name: "a", pax: { uid: "4294967295" } }))).toContain(
    '"a" has owner 4294967295:0',
  );
  expect(await refusal(tarOf({ name: "a", type: "3", device: [4096, 0] }))).toContain(
    '"a" is a device 4096:0',
  );
});

test("names that are too long are refused in a sentence", async () => {
  expect(await refusal(tarOf({ name: "a", pax: { path: "n".repeat(300) } }))).toContain("ENAMETOOLONG");
  expect(await refusal(tarOf({ name: "a", pax: { path: "n/".repeat(3000) } }))).toContain(
    "Linux allows 4095",
  );
});

test("an archive that is cut short, or damaged leaves nothing", async () => {
  const whole = tarOf({ name: "a", content: "x".repeat(2000) });
  expect(await refusal(whole.subarray(0, 1000))).toContain("unexpected EOF");
  expect(await refusal(Bun.gzipSync(new Uint8Array(whole)).subarray(0, 60))).toContain(
    "gzip stream is damaged or cut short",
  );
  expect(await refusal(Buffer.from("\xfd7zXZ\0rubbish", "latin1"))).toContain(
    "xz stream is damaged or cut short",
  );
  expect(await refusal(Buffer.alloc(2048, "rubbish"))).toContain("is no tar archive");
});

test("files that no file system here could hold are refused, though all of them are holes", async () => {
  const huge = { "GNU.sparse.map": "", "GNU.sparse.size": String(10 * 2 ** 40) };
  const archive = tarOf({ name: "small", content: "x" }, { name: "huge", pax: huge });
  expect(await refusal(archive)).toStartWith(
    'the archive is refused: its entry "huge" of 10995116277760 bytes',
  );
});

test("a full disk is said so and leaves nothing", async () => {
  await using directory = await testDirectory();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path]);
  try {
    const big = Array.from({ length: 30 }, (_, index) => ({
      name: `f${index}`,
      content: "x".repeat(50_000),
    }));
    const store = storePaths(directory.path);
    const staged = stageLayer(store, streamOf(tarOf(...big)));
    await expect(staged).rejects.toThrow(
      /^no space left on device to (unpack "f\d+"|write .*): free some and try again$/,
    );
    expect(await namesIn(store.layerIngest)).toEqual([]);
    expect(await namesIn(store.ingest)).toEqual([]);
  } finally {
    execFileSync("umount", [directory.path]);
  }
});

test("2,000 random changes of an archive never reach outside and never fail but with a sentence", async () => {
  await using fixture = await testStore();
  const good = tarOf(
    { name: "d/", type: "5", mode: 0o755 },
    { name: "l", type: "2", link: "d" },
    { name: "l/f", content: "content" },
    { name: "h", type: "1", link: "d/f" },
    { name: "x", pax: { path: "d/long", "SCHILY.xattr.user.a": "b" }, content: "y" },
  );
  let random = 7;
  const next = (below: number) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((random / 2 ** 32) * below);
  };
  for (let round = 0; round < 2_000; round += 1) {
    const bytes = Buffer.from(good);
    // Only names, links, types and modes, with the checksum put right: most of these archives are taken.
    const block = next(bytes.length / 512) * 512;
    for (let change = next(3) + 1; change > 0; change -= 1) {
      const at = [next(12), 100 + next(8), 156, 157 + next(12)][next(4)] ?? 0;
      bytes[block + at] = [0x2e, 0x2f, 0x64, 0x6c, 0, 0x30 + next(8)][next(6)] ?? 0;
    }
    bytes.fill(0x20, block + 148, block + 156);
    const sum = bytes.subarray(block, block + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, block + 148);
    const kind = await stageLayer(fixture.store.paths, streamOf(bytes)).then(
      async (layer) => layer[Symbol.asyncDispose](),
      (error: unknown) => (error instanceof Error && "kind" in error ? error.kind : error),
    );
    expect([undefined, "invalid", "unsupported"]).toContain(kind as undefined);
  }
  expect(await namesIn(fixture.root)).toEqual(["images", "layers"]);
  expect(await namesIn(fixture.store.paths.layerIngest)).toEqual([]);
}, 60_000);

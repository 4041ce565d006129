import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import {
  attributesOf,
  describeTree,
  namesIn,
  streamOf,
  type TarFields,
  tarOf,
  testDirectory,
  testStore,
} from "./_fixtures.ts";
import { pathsIn } from "./_paths.ts";
import { stageLayer } from "./_stage.ts";

const paths = (root: string) => pathsIn(join(root, "store"));

/** Unpacks and runs `look` on the result. */
async function unpacked<T>(archive: Uint8Array, look: (diff: string) => Promise<T>): Promise<T> {
  await using directory = await testDirectory();
  await using layer = await stageLayer(paths(directory.path), streamOf(archive, 700));
  return await look(join(layer.directory, "diff"));
}

const contentOf = (archive: Uint8Array, name: string) =>
  unpacked(archive, (diff) => readFile(join(diff, name), "utf8"));

/** What is said when an archive is refused; fails unless nothing at all is left of it. */
async function refusal(archive: Uint8Array): Promise<string> {
  await using directory = await testDirectory();
  const outside = join(directory.path, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "victim"), "untouched");
  const store = paths(directory.path);
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

describe("a tree of every kind of file", () => {
  /** What GNU tar can hold, made as root. */
  async function makeTree(tree: string): Promise<void> {
    await mkdir(join(tree, "deep", "d".repeat(200), "e".repeat(200)), { recursive: true });
    await writeFile(join(tree, "deep", "d".repeat(200), "e".repeat(200), "f".repeat(200)), "long");
    await writeFile(join(tree, "plain"), "content");
    await link(join(tree, "plain"), join(tree, "second-name"));
    await symlink("/absolute/../target", join(tree, "absolute"));
    await symlink("../../..", join(tree, "up"));
    await link(join(tree, "up"), join(tree, "up-too"));
    await symlink("s".repeat(400), join(tree, "long-target"));
    for (const command of [
      "mkfifo fifo; mknod null c 1 3; mknod disk b 259 70000; chmod 666 null",
      "cp plain setuid; chown 12345:54321 setuid; chmod 6751 setuid; chown 4294967294:2147483648 second-name",
      "mkdir sticky; chmod 1777 sticky; mkdir sgid; chgrp 7 sgid; chmod 2755 sgid; touch sgid/inside; chown 0:0 sgid/inside",
      "mkdir secret; chmod 000 secret; chown 9:9 secret",
      "chown -h 5:6 absolute",
      "touch \"$(printf 'name-\\351-\\377')\" 'name with space' \"$(printf 'line\\nbreak')\" -- '-dash' é",
      "truncate -s 50M holes; printf data | dd of=holes bs=1 seek=10M conv=notrunc status=none; printf end | dd of=holes bs=1 seek=40M conv=notrunc status=none",
      "truncate -s 3M all-hole",
    ]) {
      execFileSync("sh", ["-c", command], { cwd: tree });
    }
    await truncate(join(tree, "holes"), 50_000_000);
    setAttribute(join(tree, "plain"), "user.color", "blue");
    setAttribute(join(tree, "deep"), "user.tree", "yes");
    setAttribute(
      join(tree, "setuid"),
      "security.capability",
      Buffer.from("0000000200040000000000000000000000000000", "hex"),
    );
    await utimes(join(tree, "plain"), 1, 1_234_567_890.123_456);
    await utimes(join(tree, "deep"), 1, -5);
    await utimes(join(tree, "secret"), 1, 4_000_000_000);
  }

  function setAttribute(path: string, name: string, value: string | Buffer): void {
    const script = "import os,sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))";
    execFileSync("python3", ["-c", script, path, name, Buffer.from(value).toString("hex")]);
  }

  test.each([
    ["pax", ["--format=posix", "--xattrs", "--xattrs-include=*", "-S"]],
    ["pax, sparse 0.0", ["--format=posix", "-S", "--sparse-version=0.0"]],
    ["pax, sparse 0.1", ["--format=posix", "-S", "--sparse-version=0.1"]],
    ["GNU", ["--format=gnu", "-S"]],
    ["GNU, not sparse", ["--format=gnu"]],
  ])("comes out as tar -x makes it (%s)", async (_, options) => {
    await using directory = await testDirectory();
    const tree = join(directory.path, "tree");
    const expected = join(directory.path, "expected");
    await mkdir(tree);
    await mkdir(expected);
    await makeTree(tree);
    const archive = execFileSync("tar", ["-C", tree, "--numeric-owner", ...options, "-cf", "-", "."], {
      maxBuffer: 1 << 28,
    });
    execFileSync(
      "tar",
      ["-C", expected, "--numeric-owner", "-p", "--same-owner", "--xattrs", "--xattrs-include=*", "-xf", "-"],
      { input: archive, stdio: ["pipe", "ignore", "ignore"] },
    );
    const found = await unpacked(archive, describeTree);
    expect(found).toEqual(await describeTree(expected));
    expect(found.length).toBeGreaterThan(20);
  });
});

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

describe("links", () => {
  test("inside the root are followed by what is below them", async () => {
    const archive = tarOf(
      { name: "usr/lib", type: "5", mode: 0o755 },
      { name: "lib", type: "2", link: "usr/lib" },
      { name: "usr/up", type: "2", link: "../usr/lib" },
      { name: "lib/a", content: "A" },
      { name: "usr/up/b", content: "B" },
    );
    expect(await unpacked(archive, (diff) => namesIn(diff, "usr/lib"))).toEqual(["a", "b"]);
  });

  test("that are absolute or lead up are only data", async () => {
    const archive = tarOf({ name: "a", type: "2", link: "/etc" }, { name: "b", type: "2", link: "../../.." });
    expect(await unpacked(archive, describeTree)).toHaveLength(2);
  });

  test("that are hard lead to earlier entries only", async () => {
    expect(await refusal(tarOf({ name: "a", type: "1", link: "b" }))).toContain("does not hold");
    expect(await refusal(tarOf({ name: "d", type: "5" }, { name: "a", type: "1", link: "d" }))).toContain(
      "to a directory",
    );
  });

  test("that are hard and lead to themselves change nothing", async () => {
    expect(
      await contentOf(tarOf({ name: "a", content: "A" }, { name: "a", type: "1", link: "./a" }), "a"),
    ).toBe("A");
  });
});

describe("the later entry of one name wins", () => {
  const kinds: [string, TarFields][] = [
    ["a file", { name: "x", content: "second" }],
    ["a directory", { name: "x", type: "5", mode: 0o700 }],
    ["a link", { name: "x", type: "2", link: "elsewhere" }],
    ["a FIFO", { name: "x", type: "6" }],
    ["a device", { name: "x", type: "3", device: [1, 3] }],
  ];
  for (const [first, before] of kinds) {
    for (const [second, after] of kinds) {
      test(`${second} after ${first}`, async () => {
        const both = await unpacked(tarOf(before, after), describeTree);
        expect(both).toEqual(await unpacked(tarOf(after), describeTree));
      });
    }
  }

  test("a file takes the place of a directory with all that is in it", async () => {
    const archive = tarOf({ name: "x/y/z", content: "gone" }, { name: "x", content: "file" });
    expect(await contentOf(archive, "x")).toBe("file");
  });

  test("a directory given twice keeps its files and takes the later mode", async () => {
    const archive = tarOf(
      { name: "d/", type: "5", mode: 0o755 },
      { name: "d/f", content: "kept" },
      { name: "d/", type: "5", mode: 0o711 },
    );
    expect(await contentOf(archive, "d/f")).toBe("kept");
    expect(await unpacked(archive, async (diff) => (await lstat(join(diff, "d"))).mode & 0o777)).toBe(0o711);
  });

  test("and the size counts what is left", async () => {
    await using directory = await testDirectory();
    const archive = tarOf(
      { name: "a", content: "12345" },
      { name: "b", type: "1", link: "a" },
      { name: "c", content: "123" },
      { name: "c", content: "1" },
      { name: "l", type: "2", link: "1234" },
      { name: "d/e", content: "12345678" },
      { name: "d", content: "" },
    );
    await using layer = await stageLayer(paths(directory.path), streamOf(archive));
    expect(layer.size).toBe(5 + 1 + 4);
  });
});

describe("whiteouts", () => {
  test("become overlay's", async () => {
    const archive = tarOf(
      { name: "d/.wh.gone" },
      { name: "e/.wh..wh..opq" },
      { name: ".wh..wh.plnk/1.2", content: "aufs" },
    );
    await unpacked(archive, async (diff) => {
      const whiteout = await lstat(join(diff, "d/gone"));
      expect([whiteout.isCharacterDevice(), whiteout.rdev]).toEqual([true, 0]);
      expect(attributesOf(join(diff, "e"))).toEqual({
        "trusted.overlay.opaque": Buffer.from("y").toString("hex"),
      });
      expect(await namesIn(diff)).toEqual(["d", "e"]);
    });
  });

  test("do not hide a file of their own layer, and make its directory opaque", async () => {
    for (const entries of [
      [
        { name: "f", content: "x" },
        { name: ".wh.f" },
        { name: "d/", type: "5", mode: 0o755 },
        { name: ".wh.d" },
      ],
      [
        { name: ".wh.f" },
        { name: "f", content: "x" },
        { name: ".wh.d" },
        { name: "d/", type: "5", mode: 0o755 },
      ],
    ]) {
      await unpacked(tarOf(...entries), async (diff) => {
        expect(await readFile(join(diff, "f"), "utf8")).toBe("x");
        expect(Object.keys(attributesOf(join(diff, "d")))).toEqual(["trusted.overlay.opaque"]);
      });
    }
  });

  test("of nothing, of . and of .. are passed over", async () => {
    const archive = tarOf({ name: ".wh." }, { name: ".wh.." }, { name: ".wh..." }, { name: "d/.wh..." });
    expect(await unpacked(archive, (diff) => namesIn(diff))).toEqual([]);
  });
});

test("attributes that overlay or a security module would obey are left out", async () => {
  const pax = {
    "SCHILY.xattr.trusted.overlay.redirect": "/etc",
    "SCHILY.xattr.trusted.overlay.opaque": "y",
    "SCHILY.xattr.user.overlay.opaque": "y",
    "SCHILY.xattr.security.selinux": "x",
    "SCHILY.xattr.user.kept": "yes",
  };
  const archive = tarOf({ name: "d/", type: "5", mode: 0o755, pax });
  const found = await unpacked(archive, async (diff) => Object.keys(attributesOf(join(diff, "d"))));
  expect(found).toEqual(["user.kept"]);
});

test("a missing parent directory is made, root's and 0755", async () => {
  const archive = tarOf({ name: "a/b/c", content: "x", uid: 7 });
  const { mode, uid } = await unpacked(archive, (diff) => lstat(join(diff, "a/b")));
  expect([mode & 0o7777, uid]).toEqual([0o755, 0]);
});

test("the root's own entry does not change the root", async () => {
  const { mode, uid } = await unpacked(tarOf({ name: "./", type: "5", mode: 0o700, uid: 7 }), (diff) =>
    lstat(diff),
  );
  expect([mode & 0o7777, uid]).toEqual([0o755, 0]);
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

test("an archive that is cut short, damaged or of an unknown compression leaves nothing", async () => {
  const whole = tarOf({ name: "a", content: "x".repeat(2000) });
  expect(await refusal(whole.subarray(0, 1000))).toContain("unexpected EOF");
  expect(await refusal(Bun.gzipSync(new Uint8Array(whole)).subarray(0, 60))).toContain(
    "gzip stream is damaged or cut short",
  );
  expect(await refusal(Buffer.from("\xfd7zXZ\0rubbish", "latin1"))).toContain("compressed with xz");
  expect(await refusal(Buffer.alloc(2048, "rubbish"))).toContain("is no tar archive");
});

test("a full disk is said so and leaves nothing", async () => {
  await using directory = await testDirectory();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path]);
  try {
    const big = Array.from({ length: 30 }, (_, index) => ({
      name: `f${index}`,
      content: "x".repeat(50_000),
    }));
    const store = paths(directory.path);
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

import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { link, lstat, mkdir, readFile, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  attributesOf,
  describeTree,
  namesIn,
  streamOf,
  type TarFields,
  tarOf,
  testDirectory,
} from "./_fixtures.ts";
import { ownersBy } from "./_owners.ts";
import { packLayer } from "./_pack_layer.ts";
import { stageLayer } from "./_stage.ts";
import { refusal, storePaths, unpacked } from "./_unpacked.ts";

const contentOf = (archive: Uint8Array, name: string) =>
  unpacked(archive, (diff) => readFile(join(diff, name), "utf8"));

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

  test("packed as a layer and unpacked again is the same tree, and packed once more the same bytes", async () => {
    await using directory = await testDirectory();
    const tree = join(directory.path, "tree");
    await mkdir(tree);
    await makeTree(tree);
    const upper = { path: tree, form: "apart" as const, owners: ownersBy(undefined) };
    await using first = await stageLayer(storePaths(directory.path), packLayer(upper, []));
    const found = await describeTree(join(first.directory, "diff"));
    // Holes are packed as zeros: how many blocks are stored is not part of a layer.
    const withoutBlocks = (lines: string[]) => lines.map((line) => line.replace(/ blocks=\d+/, ""));
    expect(withoutBlocks(found)).toEqual(withoutBlocks(await describeTree(tree)));
    const again = { ...upper, path: join(first.directory, "diff") };
    await using second = await stageLayer(storePaths(directory.path), packLayer(again, []));
    expect(second.diffId).toBe(first.diffId);
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
    await using layer = await stageLayer(storePaths(directory.path), streamOf(archive));
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

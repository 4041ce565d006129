import { describe, expect, test } from "bun:test";
import { mkdtemp, readFile, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type TarEntry, tarNameText } from "./entry.ts";
import { tarReader } from "./reader.ts";
import { entryHeader, tarEnd, tarPadding } from "./writer.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function entry(fields: Partial<TarEntry>): TarEntry {
  return {
    type: "file",
    path: bytes("a"),
    linkPath: bytes(""),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0n,
    device: { major: 0, minor: 0 },
    xattrs: new Map(),
    ...fields,
  };
}

/** What the reader makes of it. */
function reread(written: TarEntry, content = ""): { entry: TarEntry; content: string } {
  const found: { entry?: TarEntry; content: string } = { content: "" };
  const reader = tarReader({
    entry: (one) => {
      found.entry = one;
    },
    data: (data) => {
      found.content += new TextDecoder().decode(data);
    },
    end: () => undefined,
  });
  for (const piece of [entryHeader(written), bytes(content), tarPadding(content.length), tarEnd()])
    reader.push(piece);
  reader.finish();
  if (found.entry === undefined) throw new Error("nothing was read");
  return { entry: found.entry, content: found.content };
}

describe("what is written is read again", () => {
  test.each<[string, Partial<TarEntry>]>([
    ["a file", { mode: 0o4755, uid: 1000, gid: 2000 }],
    ["a directory", { type: "directory", path: bytes("d/") }],
    ["a symbolic link", { type: "symlink", linkPath: bytes("../elsewhere") }],
    ["a hard link", { type: "link", linkPath: bytes("b") }],
    ["a device", { type: "character", device: { major: 1, minor: 3 } }],
    ["a block device", { type: "block", device: { major: 259, minor: 70_000 } }],
    ["a FIFO", { type: "fifo" }],
    ["a name that is no UTF-8", { path: new Uint8Array([0x61, 0xff, 0x62]) }],
    ["a name of 300 bytes", { path: bytes("n".repeat(300)) }],
    ["a link to a name of 99 and one of 100 bytes", { type: "symlink", linkPath: bytes("l".repeat(100)) }],
    ["nanoseconds", { mtime: 1_700_000_000_123_456_789n }],
    ["a time before 1970", { mtime: -1_500_000_000n }],
    ["large owners", { uid: 4_000_000_000, gid: 3_000_000_000 }],
    ["attributes, binary ones too", { xattrs: new Map([["user.x", new Uint8Array([0, 10, 61, 255])]]) }],
  ])("%s", (_, fields) => {
    const written = entry(fields);
    expect(reread(written).entry).toEqual(written);
  });

  test("content, and where it ends", () => {
    expect(reread(entry({ size: 5 }), "hello").content).toBe("hello");
  });

  test("a size beyond the header's field", () => {
    const size = 9_000_000_000;
    let seen = 0;
    const reader = tarReader({
      entry: (one) => {
        seen = one.size;
      },
      data: () => undefined,
      end: () => undefined,
    });
    reader.push(entryHeader(entry({ size })));
    expect(seen).toBe(size);
  });
});

test("the same entry gives the same bytes, whatever the order of its attributes", () => {
  const one = entryHeader(
    entry({
      xattrs: new Map([
        ["user.a", bytes("1")],
        ["user.b", bytes("2")],
      ]),
    }),
  );
  const other = entryHeader(
    entry({
      xattrs: new Map([
        ["user.b", bytes("2")],
        ["user.a", bytes("1")],
      ]),
    }),
  );
  expect(one).toEqual(other);
});

test("a record's length counts its own digits where they become one more", () => {
  for (let length = 80; length < 110; length += 1) {
    const path = bytes("é".repeat(1) + "n".repeat(length));
    expect(tarNameText(reread(entry({ path })).entry.path)).toBe(tarNameText(path));
  }
});

test("GNU tar unpacks what is written, names beyond 100 bytes and links included", async () => {
  const directory = await mkdtemp("/tmp/fathom-test-tar-");
  try {
    const long = `${"d".repeat(90)}/${"ü".repeat(60)}`;
    const content = bytes("hello\n");
    const file = { path: bytes(long), mode: 0o755, size: content.length, mtime: 1_000_000_000_500_000_000n };
    const link = { type: "symlink" as const, path: bytes("l"), linkPath: bytes("x".repeat(150)) };
    const root = { type: "directory" as const, path: bytes("tmp/"), mode: 0o1777 };
    const parts = [entryHeader(entry(root)), entryHeader(entry(file)), content, tarPadding(content.length)];
    await Bun.write(join(directory, "a.tar"), Buffer.concat([...parts, entryHeader(entry(link)), tarEnd()]));
    const tar = Bun.spawnSync(["tar", "-C", directory, "-xpf", join(directory, "a.tar")], { stderr: "pipe" });
    expect(tar.stderr.toString()).toBe("");
    expect(await readFile(join(directory, long), "utf8")).toBe("hello\n");
    const found = await stat(join(directory, long));
    expect([found.mode & 0o7777, found.mtimeMs]).toEqual([0o755, 1_000_000_000_500]);
    expect((await stat(join(directory, "tmp"))).mode & 0o7777).toBe(0o1777);
    expect(await readlink(join(directory, "l"))).toBe("x".repeat(150));
  } finally {
    await rm(directory, { recursive: true });
  }
});

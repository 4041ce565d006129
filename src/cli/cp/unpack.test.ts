import { describe, expect, test } from "bun:test";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TarEntry } from "../../std/tar/entry.ts";
import { entryHeader, tarEnd, tarPadding } from "../../std/tar/writer.ts";
import { unpackLocal } from "./unpack.ts";

type Fields = Omit<Partial<TarEntry>, "path" | "linkPath"> & {
  path: string;
  link?: string;
  content?: string;
};

async function* archiveOf(...entries: Fields[]): AsyncGenerator<Uint8Array, void> {
  for (const { path, link = "", content = "", ...fields } of entries) {
    const size = content.length;
    const device = { major: 0, minor: 0 };
    const common = {
      type: "file" as const,
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0n,
      device,
      xattrs: new Map(),
    };
    yield entryHeader({ ...common, size, ...fields, path: Buffer.from(path), linkPath: Buffer.from(link) });
    yield Buffer.from(content);
    yield tarPadding(size);
  }
  yield tarEnd();
}

/** A directory to unpack in, with a file beside it. */
async function testDirectory(): Promise<AsyncDisposable & { path: string; beside: string }> {
  const root = await mkdtemp("/tmp/fathom-test-unpack-");
  const path = join(root, "in");
  await mkdir(path);
  await writeFile(join(root, "beside"), "untouched");
  return {
    path,
    beside: join(root, "beside"),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

const unpack = (directory: string, to: string, ...entries: Fields[]) =>
  unpackLocal(archiveOf(...entries), { directory, rename: { from: "top", to } });

describe("an archive from a container", () => {
  test("is unpacked under another name, with modes, times and links", async () => {
    await using at = await testDirectory();
    await unpack(
      at.path,
      "new",
      { path: "top/", type: "directory", mode: 0o750, mtime: 5_000_000_000n },
      { path: "top/f", content: "x", mode: 0o4711, mtime: 1_500_000_000n },
      { path: "top/h", type: "link", link: "top/f" },
      { path: "top/l", type: "symlink", link: "/nowhere" },
      { path: "topmost", content: "y" },
    );
    expect((await readdir(at.path, { recursive: true })).sort()).toEqual([
      "new",
      "new/f",
      "new/h",
      "new/l",
      "topmost",
    ]);
    const file = await lstat(join(at.path, "new", "f"));
    expect({ mode: file.mode & 0o7777, links: file.nlink, mtime: file.mtimeMs }).toEqual({
      mode: 0o4711,
      links: 2,
      mtime: 1500,
    });
    const directory = await lstat(join(at.path, "new"));
    expect({ mode: directory.mode & 0o7777, mtime: directory.mtimeMs }).toEqual({ mode: 0o750, mtime: 5000 });
    expect(await readlink(join(at.path, "new", "l"))).toBe("/nowhere");
  });

  test("replaces files, and neither a directory by a file nor a file by a directory", async () => {
    await using at = await testDirectory();
    await mkdir(join(at.path, "d"));
    await writeFile(join(at.path, "f"), "old");
    await unpack(at.path, "f", { path: "top", content: "new" });
    expect(await readFile(join(at.path, "f"), "utf8")).toBe("new");
    await expect(unpack(at.path, "d", { path: "top", content: "x" })).rejects.toThrow(
      `cannot overwrite directory "${at.path}/d" with non-directory "${at.path}"`,
    );
    await expect(unpack(at.path, "f", { path: "top/", type: "directory" })).rejects.toThrow(
      `cannot overwrite non-directory "${at.path}/f" with directory "${at.path}"`,
    );
  });

  test("does not climb out by its names", async () => {
    await using at = await testDirectory();
    for (const path of ["../beside", "top/../../beside", "a/../../beside"])
      await expect(unpack(at.path, "top", { path, content: "x" })).rejects.toThrow("is outside of");
    expect(await readFile(at.beside, "utf8")).toBe("untouched");
  });

  test("does not get out by a link that it has brought, nor link to what is outside", async () => {
    await using at = await testDirectory();
    const way = { path: "top", type: "symlink", link: ".." } as const;
    await expect(unpack(at.path, "top", way, { path: "top/beside", content: "x" })).rejects.toThrow(
      "is outside of",
    );
    const hard = { path: "hard", type: "link", link: "top/beside" } as const;
    await expect(
      unpack(at.path, "other", { ...way, path: "top" }, { ...hard, link: "top/beside" }),
    ).rejects.toThrow("is outside of");
    expect(await readFile(at.beside, "utf8")).toBe("untouched");
    expect((await lstat(at.beside)).nlink).toBe(1);
  });

  test("goes through links that were there before: they are the user's own", async () => {
    await using at = await testDirectory();
    await mkdir(join(at.path, "real"));
    await symlink("real", join(at.path, "way"));
    await unpack(at.path, "x", { path: "way/f", content: "x" });
    expect(await readdir(join(at.path, "real"))).toEqual(["f"]);
  });
});

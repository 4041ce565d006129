import { describe, expect, test } from "bun:test";
import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { closeFd, openPath } from "../kernel/mod.ts";
import { type TarEntry, tarNameText } from "../std/tar/entry.ts";
import { tarReader } from "../std/tar/reader.ts";
import { streamOf, tarOf, testDirectory } from "./_fixtures.ts";
import { ownersBy } from "./_owners.ts";
import { packPath, type SnapshotView, statPath, unpackPath } from "./files.ts";

const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

interface Root extends AsyncDisposable {
  path: string;
  view: SnapshotView;
}

/** A directory that plays a container's root, with a secret beside it. */
async function testRoot(maps?: typeof MAPS): Promise<Root> {
  const directory = await testDirectory();
  const path = join(directory.path, "root");
  await mkdir(path);
  await writeFile(join(directory.path, "secret"), "the host's");
  const fd = openPath(path);
  const owners = ownersBy(maps && { uids: maps, gids: maps });
  return {
    path,
    view: { fd, owners, [Symbol.dispose]: () => undefined },
    [Symbol.asyncDispose]: async () => {
      closeFd(fd);
      await directory[Symbol.asyncDispose]();
    },
  };
}

async function packed(view: SnapshotView, path: string): Promise<{ bytes: Buffer; entries: TarEntry[] }> {
  const pieces: Uint8Array[] = [];
  for await (const piece of packPath(view, path).archive) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const entries: TarEntry[] = [];
  const reader = tarReader({
    entry: (entry) => entries.push(entry),
    data: () => undefined,
    end: () => undefined,
  });
  reader.push(bytes);
  reader.finish();
  return { bytes, entries };
}

const names = ({ entries }: { entries: TarEntry[] }) => entries.map(({ path }) => tarNameText(path));

const unpack = (view: SnapshotView, path: string, archive: Uint8Array, keepKinds = true) =>
  unpackPath(view, { path, archive: streamOf(archive) }, { keepKinds });

describe("a path's facts", () => {
  test("are those of a link itself, unless a slash or a dot asks for what it leads to", async () => {
    await using root = await testRoot();
    await mkdir(join(root.path, "d"));
    await symlink("/d", join(root.path, "l"));
    expect(statPath(root.view, "/l")).toMatchObject({ name: "l", linkTarget: "/d", mode: 2 ** 27 + 0o777 });
    expect(statPath(root.view, "l/")).toMatchObject({ name: "l", linkTarget: "", mode: 2 ** 31 + 0o755 });
    expect(statPath(root.view, "/l/.")).toMatchObject({ name: ".", linkTarget: "" });
    expect(statPath(root.view, "/")).toMatchObject({ name: "/" });
    expect(statPath(root.view, "/x/../d")).toMatchObject({ name: "d" });
  });

  test("tell where a link leads inside the root, also to nothing and round and round", async () => {
    await using root = await testRoot();
    await symlink("../../../secret", join(root.path, "up"));
    await symlink("loop", join(root.path, "loop"));
    expect(statPath(root.view, "/up").linkTarget).toBe("/secret");
    expect(statPath(root.view, "/loop").linkTarget).toBe("/loop");
  });

  test("are missing where nothing is, and where a link leads out of the root", async () => {
    await using root = await testRoot();
    await symlink("../secret", join(root.path, "up"));
    await writeFile(join(root.path, "file"), "");
    expect(() => statPath(root.view, "/up/.")).toThrow("Could not find the file /up/.");
    expect(() => statPath(root.view, "/absent")).toThrow("Could not find the file /absent");
    expect(() => statPath(root.view, "/file/below")).toThrow("not a directory");
  });
});

describe("an archive of a path", () => {
  test("has everything in the order of names, called by the path's last component", async () => {
    await using root = await testRoot();
    await mkdir(join(root.path, "d", "sub"), { recursive: true });
    await writeFile(join(root.path, "d", "b"), "x");
    await link(join(root.path, "d", "b"), join(root.path, "d", "c"));
    await symlink("b", join(root.path, "d", "a"));
    const whole = await packed(root.view, "/d");
    expect(names(whole)).toEqual(["d/", "d/a", "d/b", "d/c", "d/sub/"]);
    expect(whole.entries.map(({ type }) => type)).toEqual([
      "directory",
      "symlink",
      "file",
      "link",
      "directory",
    ]);
    expect(names(await packed(root.view, "/d/."))).toEqual(["./", "./a", "./b", "./c", "./sub/"]);
    expect(names(await packed(root.view, "/d/b"))).toEqual(["b"]);
    expect(names(await packed(root.view, "/"))[0]).toBe("/");
  });

  test("is the same again, byte for byte, and has times to the nanosecond", async () => {
    await using root = await testRoot();
    await writeFile(join(root.path, "f"), "x".repeat(100_000));
    await utimes(join(root.path, "f"), 1.5, 1.25);
    const first = await packed(root.view, "/f");
    expect(first.entries[0]?.mtime).toBe(1_250_000_000n);
    expect((await packed(root.view, "/f")).bytes.equals(first.bytes)).toBe(true);
  });

  test("leaves sockets out, and never follows a link out of the root", async () => {
    await using root = await testRoot();
    await mkdir(join(root.path, "d"));
    const server = createServer().listen(join(root.path, "d", "socket"));
    await symlink("../../secret", join(root.path, "d", "up"));
    const { entries } = await packed(root.view, "/d");
    server.close();
    expect(names({ entries })).toEqual(["d/", "d/up"]);
    expect(entries[1]).toMatchObject({ type: "symlink" });
  });

  test("has the owners that the container knows", async () => {
    await using root = await testRoot(MAPS);
    await unpack(root.view, "/", tarOf({ name: "mine", uid: 7 }));
    expect((await lstat(join(root.path, "mine"))).uid).toBe(100_007);
    expect((await packed(root.view, "/mine")).entries[0]).toMatchObject({ uid: 7, gid: 0 });
  });
});

describe("an archive over a directory", () => {
  test("is unpacked where the path leads inside the root, as it is", async () => {
    await using root = await testRoot();
    await mkdir(join(root.path, "real"));
    await symlink("/real", join(root.path, "way"));
    await unpack(
      root.view,
      "/way",
      tarOf({ name: ".wh.kept", content: "a file" }, { name: "f", mode: 0o4711 }),
    );
    expect((await readdir(join(root.path, "real"))).sort()).toEqual([".wh.kept", "f"]);
    expect((await lstat(join(root.path, "real", "f"))).mode & 0o7777).toBe(0o4711);
  });

  test("goes through links that are there, inside the root", async () => {
    await using root = await testRoot();
    await mkdir(join(root.path, "in"));
    await symlink("/../../in", join(root.path, "out"));
    await unpack(root.view, "/", tarOf({ name: "out/f", content: "x" }));
    expect(await readFile(join(root.path, "in", "f"), "utf8")).toBe("x");
  });

  test("keeps directories and other files apart when asked to, and else replaces", async () => {
    await using root = await testRoot();
    await mkdir(join(root.path, "d", "full"), { recursive: true });
    await writeFile(join(root.path, "f"), "");
    await writeFile(join(root.path, "d", "full", "x"), "");
    const [asFile, asDirectory] = [tarOf({ name: "d", content: "x" }), tarOf({ name: "f/", type: "5" })];
    await expect(unpack(root.view, "/", asFile)).rejects.toThrow(
      'cannot overwrite directory "/d" with non-directory "/"',
    );
    await expect(unpack(root.view, "/", asDirectory)).rejects.toThrow(
      'cannot overwrite non-directory "/f" with directory "/"',
    );
    await unpack(root.view, "/", asFile, false);
    await unpack(root.view, "/", asDirectory, false);
    expect(await readFile(join(root.path, "d"), "utf8")).toBe("x");
    expect((await lstat(join(root.path, "f"))).isDirectory()).toBe(true);
  });

  test("belongs to whom the caller says", async () => {
    await using root = await testRoot();
    const to = { path: "/", archive: streamOf(tarOf({ name: "f", uid: 7 })) };
    await unpackPath(root.view, to, { keepKinds: true, owner: { uid: 1000, gid: 2000 } });
    expect(await lstat(join(root.path, "f"))).toMatchObject({ uid: 1000, gid: 2000 });
  });

  test("is refused where there is no directory", async () => {
    await using root = await testRoot();
    await writeFile(join(root.path, "f"), "");
    const archive = tarOf({ name: "x" });
    await expect(unpack(root.view, "/f", archive)).rejects.toThrow("extraction point is not a directory");
    await expect(unpack(root.view, "/absent", archive)).rejects.toThrow("Could not find the file /absent");
  });
});

test("a link that replaces a directory of the archive leads later entries inside the root", async () => {
  await using root = await testRoot();
  await chmod(root.path, 0o755);
  const archive = tarOf(
    { name: "a/", type: "5", mode: 0o755 },
    { name: "b", type: "2", link: "/../../.." },
    { name: "b/secret", content: "planted" },
  );
  await unpack(root.view, "/", archive);
  expect(await readlink(join(root.path, "b"))).toBe("/../../..");
  expect(await readFile(join(root.path, "..", "secret"), "utf8")).toBe("the host's");
  expect(await readFile(join(root.path, "secret"), "utf8")).toBe("planted");
});

import { describe, expect, test } from "bun:test";
import { lchown, mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT, makeNode, openPath, owned, S, setAttribute } from "../kernel/mod.ts";
import { type TarEntry, tarNameText } from "../std/tar/entry.ts";
import { tarReader } from "../std/tar/reader.ts";
import { testDirectory } from "./_fixtures.ts";
import { ownersBy } from "./_owners.ts";
import { packLayer } from "./_pack_layer.ts";
import { writtenIn } from "./_written.ts";

/** An upper directory and two layers below it, the lower one last. */
interface Layers extends AsyncDisposable {
  upper: string;
  layers: [string, string];
}

async function testLayers(): Promise<Layers> {
  const directory = await testDirectory();
  const [upper, top, bottom] = ["upper", "top", "bottom"].map((name) => join(directory.path, name));
  for (const path of [upper, top, bottom]) await mkdir(path ?? "");
  return {
    upper: upper ?? "",
    layers: [top ?? "", bottom ?? ""],
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** A file of a fixed time, so that a copy of it is the same. */
async function put(root: string, path: string, content = "x"): Promise<void> {
  await mkdir(join(root, path, ".."), { recursive: true });
  await writeFile(join(root, path), content);
  await utimes(join(root, path), 1, 1);
}

function whiteout(root: string, path: string): void {
  expect(makeNode({ directory: AT.FDCWD, name: join(root, path) }, S.IFCHR, 0)).toBe(0);
}

const LETTERS = { added: "A", modified: "C", deleted: "D", same: "=" };

async function listed({ upper, layers }: Layers, owners = ownersBy(undefined)): Promise<string[]> {
  const written = await writtenIn({ path: upper, form: "apart", owners }, layers);
  return written.map(({ kind, path }) => `${LETTERS[kind]} ${path}`);
}

async function packed({ upper, layers }: Layers): Promise<{ bytes: Buffer; names: string[] }> {
  const pieces: Uint8Array[] = [];
  for await (const piece of packLayer({ path: upper, form: "apart", owners: ownersBy(undefined) }, layers))
    pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const entries: TarEntry[] = [];
  const reader = tarReader({
    entry: (entry) => entries.push(entry),
    data: () => undefined,
    end: () => undefined,
  });
  reader.push(bytes);
  reader.finish();
  return { bytes, names: entries.map(({ path }) => tarNameText(path)) };
}

/** Marks a directory as overlay does one that has replaced another. */
function makeOpaque(path: string): void {
  using directory = owned(openPath(path));
  expect(
    setAttribute({ directory: directory.fd, name: "." }, "trusted.overlay.opaque", Buffer.from("y")),
  ).toBe(0);
}

describe("what a container wrote", () => {
  test("is what is new, what differs, and what a whiteout hides, with the directories above", async () => {
    await using at = await testLayers();
    const [top, bottom] = at.layers;
    await put(bottom, "etc/kept");
    await put(bottom, "etc/changed");
    await put(top, "var/gone");
    await put(at.upper, "etc/kept");
    await put(at.upper, "etc/changed", "longer");
    await put(at.upper, "new/file");
    await mkdir(join(at.upper, "var"));
    whiteout(at.upper, "var/gone");
    whiteout(at.upper, "never-there");
    expect(await listed(at)).toEqual([
      "C /etc",
      "C /etc/changed",
      "A /new",
      "A /new/file",
      "C /var",
      "D /var/gone",
    ]);
    expect((await packed(at)).names).toEqual([
      "etc/",
      "etc/changed",
      "new/",
      "new/file",
      "var/",
      "var/.wh.gone",
    ]);
  });

  test("is compared with what the upper of two layers shows", async () => {
    await using at = await testLayers();
    const [top, bottom] = at.layers;
    await put(bottom, "a", "old");
    await put(top, "a", "newer");
    await put(bottom, "hidden");
    whiteout(top, "hidden");
    await put(at.upper, "a", "newer");
    await put(at.upper, "hidden");
    expect(await listed(at)).toEqual(["A /hidden"]);
  });

  test("is no directory in which only the time differs, nor a mount point that the engine made", async () => {
    await using at = await testLayers();
    await mkdir(join(at.layers[1], "d"));
    await mkdir(join(at.upper, "d"));
    for (const path of ["etc/hosts", "etc/resolv.conf"]) await put(at.upper, path, "");
    for (const path of ["proc", "sys", "dev"]) await mkdir(join(at.upper, path));
    expect(await listed(at)).toEqual([]);
    await put(at.upper, "etc/mine");
    expect(await listed(at)).toEqual(["A /etc", "A /etc/mine"]);
  });

  test("is a directory in place of a file, and a file in place of a directory", async () => {
    await using at = await testLayers();
    await put(at.layers[1], "file");
    await put(at.layers[1], "directory/inner");
    await put(at.upper, "file/inner");
    await put(at.upper, "directory");
    expect(await listed(at)).toEqual(["C /directory", "C /file", "A /file/inner"]);
  });

  test("is all of a directory that was removed and made anew: what is left out is deleted", async () => {
    await using at = await testLayers();
    for (const path of ["d/gone", "d/same", "d/sub/deep"]) await put(at.layers[1], path);
    await put(at.upper, "d/same");
    await put(at.upper, "d/new");
    makeOpaque(join(at.upper, "d"));
    expect(await listed(at)).toEqual(["C /d", "D /d/gone", "A /d/new", "= /d/same", "D /d/sub"]);
    expect((await packed(at)).names).toEqual(["d/", "d/.wh..wh..opq", "d/new", "d/same"]);
  });

  test("belongs to the container's users, whoever they are on the host", async () => {
    await using at = await testLayers();
    await put(at.layers[1], "f");
    await put(at.upper, "f");
    await lchown(join(at.upper, "f"), 100_000, 100_000);
    expect(await listed(at)).toEqual(["C /f"]);
    const map = [{ containerID: 0, hostID: 100_000, size: 10 }];
    expect(await listed(at, ownersBy({ uids: map, gids: map }))).toEqual([]);
  });

  test("makes the same layer again, byte for byte; nothing makes an empty one", async () => {
    await using at = await testLayers();
    expect((await packed(at)).bytes.equals(Buffer.alloc(1024))).toBe(true);
    await put(at.upper, "b/c");
    await put(at.upper, "a");
    const first = await packed(at);
    expect((await packed(at)).bytes.equals(first.bytes)).toBe(true);
  });
});

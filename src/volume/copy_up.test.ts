import { afterEach, beforeEach, expect, test } from "bun:test";
import { constants } from "node:fs";
import {
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import {
  AT,
  attributesOf,
  changeMode,
  changeOwner,
  makeLink,
  makeNode,
  S,
  setAttribute,
} from "../kernel/mod.ts";
import { openVolumes, type Volumes } from "./mod.ts";

let base: string;
let root: string;
let volumes: Volumes;
let data: string;
const at = (...path: string[]) => ({ directory: AT.FDCWD, name: join(base, "image", ...path) });
const fill = (path: string) => volumes.populate("v1", { root: async () => join(base, "image"), path });
const reopen = async () => {
  volumes = await openVolumes({ root, emit: () => undefined, warn: () => undefined });
};

beforeEach(async () => {
  base = await mkdtemp("/tmp/fathom-test-copyup-");
  root = join(base, "volumes");
  await reopen();
  data = (await volumes.create({ Name: "v1" })).Mountpoint;
  await mkdir(join(base, "image", "srv"), { recursive: true });
});
afterEach(() => rm(base, { recursive: true, force: true }));

test("files come with owners, modes, times, attributes, links, devices and holes", async () => {
  const file = join(base, "image", "srv", "f");
  await writeFile(file, "content");
  changeOwner(at("srv", "f"), 1000, 1001);
  changeMode(at("srv", "f"), 0o4751);
  makeLink(at("srv", "f"), at("srv", "again"));
  await symlink("/etc/passwd", join(base, "image", "srv", "link"));
  await mkdir(join(base, "image", "srv", "d", "e"), { recursive: true });
  makeLink(at("srv", "f"), at("srv", "d", "third"));
  makeNode(at("srv", "fifo"), S.IFIFO | 0o640, 0);
  const sparse = await open(join(base, "image", "srv", "sparse"), "w");
  await sparse.write("end", 10_000_000);
  await sparse.close();
  changeOwner(at("srv"), 33, 44);
  changeMode(at("srv"), 0o2770);

  await fill("/srv");

  const copy = await stat(join(data, "f"));
  expect({ uid: copy.uid, gid: copy.gid, mode: copy.mode & 0o7777 }).toEqual({
    uid: 1000,
    gid: 1001,
    mode: 0o4751,
  });
  expect(copy.mtimeMs).toBe((await stat(file)).mtimeMs);
  expect(copy.nlink).toBe(3);
  expect((await stat(join(data, "d", "third"))).ino).toBe(copy.ino);
  expect(await readlink(join(data, "link"))).toBe("/etc/passwd");
  const fifo = await lstat(join(data, "fifo"));
  expect(fifo.isFIFO() && (fifo.mode & 0o777) === 0o640).toBe(true);
  const holes = await stat(join(data, "sparse"));
  expect(holes.size).toBe(10_000_003);
  expect(holes.blocks * 512).toBeLessThan(1_000_000);
  const top = await stat(data);
  expect({ uid: top.uid, gid: top.gid, mode: top.mode & 0o7777 }).toEqual({ uid: 33, gid: 44, mode: 0o2770 });
  expect(await readdir(join(root, "v1"))).toEqual(["_data", "volume.json"]);
});

test("extended attributes come along", async () => {
  const original = await open(join(base, "image", "srv", "f"), "w");
  setAttribute(original.fd, "user.note", Buffer.from("kept"));
  await original.close();
  await fill("/srv");
  const directory = await open(data, constants.O_RDONLY | constants.O_DIRECTORY);
  const found = attributesOf({ directory: directory.fd, name: "f" });
  await directory.close();
  expect(Buffer.from(found.get("user.note") ?? []).toString()).toBe("kept");
});

test("a link in the image is followed inside the image, never out of it", async () => {
  await writeFile(join(base, "image", "srv", "f"), "inside");
  await mkdir(join(base, "outside"));
  await writeFile(join(base, "outside", "f"), "outside");
  await symlink("/srv", join(base, "image", "absolute"));
  await fill("/absolute");
  expect(await readFile(join(data, "f"), "utf8")).toBe("inside");
  await rm(join(data, "f"));
  await symlink("../outside", join(base, "image", "up"));
  await fill("/up");
  expect(await readdir(data)).toEqual([]);
});

test("a volume that holds something stays as it is, and the image is not even asked for", async () => {
  await writeFile(join(data, "mine"), "");
  const asked = { root: () => Promise.reject(new Error("not to be asked")), path: "/srv" };
  await volumes.populate("v1", asked);
  expect(await readdir(data)).toEqual(["mine"]);
});

test("a file of the image is no directory to copy", async () => {
  await writeFile(join(base, "image", "srv", "f"), "");
  expect(fill("/srv/f")).rejects.toThrow("cannot mount volume over existing file, file exists /srv/f");
  await Bun.sleep(0);
  await fill("/absent");
});

test("a copy that a crash cut short is gone, one that was whole is brought to its end", async () => {
  await mkdir(join(root, "v1", ".copying"));
  await writeFile(join(root, "v1", ".copying", "half"), "");
  await reopen();
  expect(await readdir(join(root, "v1"))).toEqual(["_data", "volume.json"]);
  expect(await readdir(data)).toEqual([]);
  await mkdir(join(root, "v1", ".copied"), { mode: 0o751 });
  await writeFile(join(root, "v1", ".copied", "rest"), "");
  await reopen();
  expect(await readdir(data)).toEqual(["rest"]);
  expect((await stat(data)).mode & 0o777).toBe(0o751);
  expect(await readdir(join(root, "v1"))).toEqual(["_data", "volume.json"]);
});

test("a volume whose copy cannot be finished keeps no engine from starting", async () => {
  await writeFile(join(root, "v1", ".copied"), "no directory");
  const warnings: string[] = [];
  const warn = (sentence: string) => void warnings.push(sentence);
  volumes = await openVolumes({ root, emit: () => undefined, warn });
  expect(warnings).toEqual([expect.stringContaining("volume v1: what was being copied into it")]);
  expect(volumes.inspect("v1").Name).toBe("v1");
});

test("into a volume with a file system of its own the copy is made in place", async () => {
  await volumes.create({ Name: "ram", DriverOpts: { type: "tmpfs", device: "tmpfs" } }, { user: "c1" });
  await writeFile(join(base, "image", "srv", "f"), "x".repeat(100_000));
  const mounting = { name: "ram", user: "c1", destination: "/d", writable: true, propagation: "" };
  const place = await volumes.mount(mounting);
  try {
    await volumes.populate("ram", { root: async () => join(base, "image"), path: "/srv" });
    expect((await readFile(join(place, "f"))).length).toBe(100_000);
  } finally {
    await volumes.unmount("ram", "c1");
  }
});

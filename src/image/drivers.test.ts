/** What every storage driver must do. Each test runs with each of them, btrfs on a file system of its own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  appendFile,
  chmod,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { type Disk, loopDisk } from "../../test/harness/mod.ts";
import { isMounted, mountpoints, openPath, owned, setAttribute } from "../kernel/mod.ts";
import type { Digest } from "../spec/oci_image.ts";
import { parseReference } from "../spec/reference.ts";
import { attributesOf, namesIn, streamOf, type TarFields, tarOf } from "./_fixtures.ts";
import { stageLayer } from "./_stage.ts";
import { commitImage } from "./commit.ts";
import {
  driverNamed,
  type ImageStore,
  inspectImage,
  mountSnapshot,
  openImages,
  prepareSnapshot,
  recoverImages,
  removeImage,
  removeSnapshot,
  settleImages,
  snapshotData,
  snapshotSizes,
  unmountSnapshot,
} from "./mod.ts";
import { commitSnapshot, exportSnapshot, snapshotChanges } from "./snapshot_files.ts";

const base: TarFields[] = [
  { name: "etc/", type: "5", mode: 0o755 },
  { name: "etc/passwd", content: "root" },
  { name: "d/", type: "5", mode: 0o750 },
  { name: "d/low", content: "1" },
  { name: "o/", type: "5", mode: 0o755 },
  { name: "o/hidden", content: "h" },
  { name: "gone", content: "12" },
  { name: "was-directory/", type: "5", mode: 0o755 },
  { name: "was-directory/inner", content: "i" },
  { name: "was-file", content: "f" },
  { name: "setuid", content: "s", mode: 0o4755, uid: 7 },
  { name: "device", type: "3", device: [1, 3], mode: 0o666 },
  { name: "fifo", type: "6", mode: 0o600 },
  { name: "one", content: "linked" },
  { name: "two", type: "1", link: "one" },
  { name: "capable", content: "c", mode: 0o755, pax: { "SCHILY.xattr.user.colour": "blue" } },
];
const middle: TarFields[] = [
  { name: "d/mid", content: "123" },
  { name: ".wh.gone" },
  { name: "o/.wh..wh..opq" },
  { name: "o/shown", content: "s" },
  { name: "was-directory", content: "now a file" },
];
const top: TarFields[] = [
  { name: "top", content: "1234" },
  { name: "was-file/", type: "5", mode: 0o755 },
  { name: "was-file/inner", content: "i" },
];

interface Fixture extends AsyncDisposable {
  store: ImageStore;
  root: string;
  image: Digest;
}

async function put(store: ImageStore, name: string, layers: TarFields[][]): Promise<Digest> {
  await using stack = new AsyncDisposableStack();
  const staged = [];
  for (const layer of layers)
    staged.push(stack.use(await stageLayer(store.paths, streamOf(tarOf(...layer)))));
  const rootfs = { type: "layers" as const, diff_ids: staged.map(({ diffId }) => diffId) };
  const config = { architecture: "amd64", os: "linux", rootfs };
  return await commitImage(store, { config, layers: staged }, parseReference(name));
}

/** CAP_NET_RAW, effective and permitted: struct vfs_ns_cap_data of version 2. */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");

const ALL = ["overlay2", "vfs", "btrfs", "vfs on btrfs"];
const withBtrfs = Bun.which("mkfs.btrfs") !== null;
if (!withBtrfs) console.log("skipped on btrfs: mkfs.btrfs is not there (Debian: btrfs-progs)");

describe.each(ALL.filter((title) => withBtrfs || !title.includes("btrfs")))(
  "the storage driver %s",
  (title) => {
    const name = title.split(" ")[0] ?? "";
    let disk: Disk | undefined;
    let place = "/tmp";
    beforeAll(async () => {
      if (!title.includes("btrfs")) return;
      disk = await loopDisk("btrfs", 256);
      place = disk.path;
    });
    afterAll(async () => disk?.[Symbol.asyncDispose]());

    /** A store with a container `c` on an image of three layers. */
    async function withContainer(): Promise<Fixture> {
      const root = await mkdtemp(join(place, "fathom-test-driver-"));
      const store = openImages({ root, driver: driverNamed(name) });
      const image = await put(store, "image:1", [base, middle, top]);
      await prepareSnapshot(store, { container: "c", image });
      return {
        store,
        root,
        image,
        [Symbol.asyncDispose]: async () => {
          for (const container of await readdir(join(root, "containers")).catch(() => []))
            await removeSnapshot(store, container);
          await settleImages(store);
          await driverNamed(name).removeLayer(join(root, "layers"));
          await rm(root, { recursive: true, force: true });
        },
      };
    }

    test("shows what the layers come to", async () => {
      await using at = await withContainer();
      const root = await mountSnapshot(at.store, "c");
      expect(root).toBe(join(at.root, "containers/c/rootfs"));
      expect(isMounted(root)).toBe(true);
      const names = ["capable", "d", "device", "etc", "fifo", "o", "one", "setuid", "top", "two"];
      expect(await namesIn(root)).toEqual([...names, "was-directory", "was-file"].sort());
      expect(await namesIn(root, "d")).toEqual(["low", "mid"]);
      expect(await namesIn(root, "o")).toEqual(["shown"]);
      expect(await readFile(join(root, "was-directory"), "utf8")).toBe("now a file");
      expect(await namesIn(root, "was-file")).toEqual(["inner"]);
      expect((await stat(root)).mode & 0o7777).toBe(0o755);
      expect((await stat(join(root, "setuid"))).mode & 0o7777).toBe(0o4755);
      expect((await stat(join(root, "setuid"))).uid).toBe(7);
      expect((await stat(join(root, "etc"))).mtimeMs).toBe(1_000_000_000_000);
      expect((await lstat(join(root, "device"))).rdev).toBe(0x103);
      expect((await lstat(join(root, "fifo"))).isFIFO()).toBe(true);
      const [one, two] = await Promise.all([stat(join(root, "one")), stat(join(root, "two"))]);
      expect([one.ino, one.nlink]).toEqual([two.ino, 2]);
      expect(attributesOf(join(root, "capable"))).toEqual({
        "user.colour": Buffer.from("blue").toString("hex"),
      });
    });

    test("keeps what is written, and the layers as they are, over unmounting and mounting again", async () => {
      await using at = await withContainer();
      const root = await mountSnapshot(at.store, "c");
      await appendFile(join(root, "top"), "5");
      await rm(join(root, "d/low"));
      await writeFile(join(root, "d/new"), "n");
      await unmountSnapshot(at.store, "c");
      await unmountSnapshot(at.store, "c");
      expect(isMounted(root)).toBe(false);
      expect(await mountSnapshot(at.store, "c")).toBe(root);
      expect(await mountSnapshot(at.store, "c")).toBe(root);
      expect(mountpoints().filter(({ mountPoint }) => mountPoint === root)).toHaveLength(1);
      expect(await readFile(join(root, "top"), "utf8")).toBe("12345");
      expect(await namesIn(root, "d")).toEqual(["mid", "new"]);
      await prepareSnapshot(at.store, { container: "other", image: at.image });
      const other = await mountSnapshot(at.store, "other");
      expect(await readFile(join(other, "top"), "utf8")).toBe("1234");
      expect(await namesIn(other, "d")).toEqual(["low", "mid"]);
    });

    test("tells what was written, and nothing else", async () => {
      await using at = await withContainer();
      const root = await mountSnapshot(at.store, "c");
      expect(await snapshotChanges(at.store, "c")).toEqual([]);
      await appendFile(join(root, "top"), "5");
      await rm(join(root, "d/low"));
      await mkdir(join(root, "new"));
      await symlink("x", join(root, "new/link"));
      await chmod(join(root, "one"), 0o600);
      await rm(join(root, "o"), { recursive: true });
      await mkdir(join(root, "o"));
      await writeFile(join(root, "o/again"), "a");
      const changes = await snapshotChanges(at.store, "c");
      const letters = { added: "A", modified: "C", deleted: "D" };
      const told = changes.map(({ kind, path }) => `${letters[kind]} ${path}`);
      // Of two names of a file overlay copies up only the one that was used.
      const links = name === "overlay2" ? ["C /one"] : ["C /one", "C /two"];
      expect(told.filter((line) => !links.includes(line))).toEqual([
        "C /d",
        "D /d/low",
        "A /new",
        "A /new/link",
        "C /o",
        "A /o/again",
        "D /o/shown",
        "C /top",
      ]);
      expect(told).toContain("C /one");
    });

    test("counts the bytes that were written", async () => {
      await using at = await withContainer();
      const root = await mountSnapshot(at.store, "c");
      const before = await snapshotSizes(at.store, "c");
      expect(before.rw).toBe(0);
      await writeFile(join(root, "new"), new Uint8Array(12_345));
      expect(await snapshotSizes(at.store, "c")).toEqual({ rw: 12_345, rootfs: before.rootfs + 12_345 });
    });

    test("commits the same layer whichever driver it is, and exports the whole", async () => {
      await using at = await withContainer();
      const root = await mountSnapshot(at.store, "c");
      await writeFile(join(root, "new"), "n");
      await lutimes(join(root, "new"), 1_000_000_000.5, 1_000_000_000.5);
      await rm(join(root, "was-file"), { recursive: true });
      await writeFile(join(root, "capable"), "other", { mode: 0o755 });
      using fd = owned(openPath(root));
      const capable = { directory: fd.fd, name: "capable" };
      expect(setAttribute(capable, "security.capability", CAPABILITY)).toBe(0);
      await lutimes(join(root, "capable"), 7, 7);
      const id = await commitSnapshot(at.store, {
        container: "c",
        image: at.image,
        config: {},
        reference: "committed",
        ...{ author: "", comment: "", createdBy: "" },
        whenRead: async () => undefined,
      });
      const inspected = await inspectImage(at.store, id);
      expect(inspected.RootFS.Layers?.at(-1)).toBe(COMMITTED);
      await prepareSnapshot(at.store, { container: "again", image: id });
      const again = await mountSnapshot(at.store, "again");
      expect(await namesIn(again)).toEqual(await namesIn(root));
      expect(attributesOf(join(again, "capable"))["security.capability"]).toBe(CAPABILITY.toString("hex"));
      expect((await lstat(join(again, "new"), { bigint: true })).mtimeNs).toBe(1_000_000_000_500_000_000n);
      let exported = 0;
      for await (const piece of exportSnapshot(at.store, { container: "c", root })) exported += piece.length;
      expect(exported).toBeGreaterThan(10_240);
    });

    test("shows another's users where they are mapped, and knows them again in what was written", async () => {
      await using at = await withContainer();
      const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      const idMaps = { uids: map, gids: map };
      await prepareSnapshot(at.store, { container: "mapped", image: at.image }, { idMaps });
      const root = await mountSnapshot(at.store, "mapped");
      expect((await stat(join(root, "setuid"))).uid).toBe(100_007);
      expect((await stat(root)).uid).toBe(100_000);
      await writeFile(join(root, "theirs"), "t");
      execFileSync("chown", ["100003:100003", join(root, "theirs")]);
      await appendFile(join(root, "setuid"), "more");
      const changes = await snapshotChanges(at.store, "mapped");
      expect(changes.map(({ path }) => path)).toEqual(["/setuid", "/theirs"]);
      const id = await commitSnapshot(at.store, {
        ...{ container: "mapped", image: at.image, config: {}, author: "", comment: "", createdBy: "" },
        whenRead: async () => undefined,
      });
      await prepareSnapshot(at.store, { container: "plain", image: id });
      const plain = await mountSnapshot(at.store, "plain");
      expect((await stat(join(plain, "theirs"))).uid).toBe(3);
      expect((await stat(join(plain, "setuid"))).uid).toBe(7);
    });

    test("removes a container that is mounted and in use, and all that was made for it and its image", async () => {
      await using at = await withContainer();
      const root = await mountSnapshot(at.store, "c");
      await writeFile(join(at.root, "containers/c/config.json"), "{}");
      const user = Bun.spawn(["sleep", "60"], { cwd: root });
      await removeSnapshot(at.store, "c");
      await removeSnapshot(at.store, "c");
      await removeSnapshot(at.store, "never-was");
      expect(isMounted(root)).toBe(false);
      expect(await namesIn(at.root, "containers/c")).toEqual(["config.json"]);
      user.kill();
      await user.exited;
      await removeImage(at.store, "image:1", { force: true });
      await settleImages(at.store);
      expect(await namesIn(at.root, "layers")).toEqual(["ingest"]);
      expect(await namesIn(at.root, "layers/ingest")).toEqual([]);
    });

    test("begins anew what a crash cut short, and clears what it left", async () => {
      await using at = await withContainer();
      const { store, root, image } = at;
      // As a crash in the middle of prepare leaves it: a part, under a name that is not the final one.
      await removeSnapshot(store, "c");
      await mkdir(join(root, "containers/c/rw.new"), { recursive: true });
      await writeFile(join(root, "containers/c/rw.new/half"), "");
      if (name === "btrfs") await mkdir(join(root, "layers", await topOf(root), "tree.new"));
      await prepareSnapshot(store, { container: "c", image });
      await prepareSnapshot(store, { container: "c", image });
      expect(await namesIn(await mountSnapshot(store, "c"), "d")).toEqual(["low", "mid"]);
      if (name !== "overlay2") expect(await namesIn(root, "containers/c")).not.toContain("rw.new");
      // And in the middle of removing: moved to the trash, and not deleted.
      await unmountSnapshot(store, "c");
      await mkdir(join(root, "layers/ingest/1-1"), { recursive: true });
      await rename(join(root, "containers/c/rw"), join(root, "layers/ingest/1-1/rw"));
      await removeSnapshot(store, "c");
      await recoverImages(openImages({ root, driver: driverNamed(name) }));
      await settleImages(store);
      expect(await namesIn(root, "layers/ingest")).toEqual([]);
    });

    test("says of itself what Docker's says", async () => {
      await using at = await withContainer();
      const { Name, Data } = await snapshotData(at.store, "c");
      expect(Name).toBe(name);
      const keys = name === "overlay2" ? ["LowerDir", "MergedDir", "UpperDir", "WorkDir"] : [];
      expect(Object.keys(Data ?? {})).toEqual(keys);
      expect(Data === null).toBe(name !== "overlay2");
    });

    test("stands on as many layers as overlay takes, and more", async () => {
      await using at = await withContainer();
      const many = Array.from({ length: name === "overlay2" ? 450 : 500 }, (_, index) => [
        { name: `f${index}` },
      ]);
      const image = await put(at.store, "many:1", many);
      await prepareSnapshot(at.store, { container: "many", image });
      expect(await namesIn(await mountSnapshot(at.store, "many"))).toHaveLength(many.length);
      await link(join(at.root, "containers/many/rootfs/f1"), join(at.root, "containers/many/rootfs/f1-too"));
      expect((await snapshotChanges(at.store, "many")).map(({ path }) => path)).toContain("/f1-too");
    });
  },
);

/** The digest of the layer that is committed above, which does not depend on the driver. */
const COMMITTED = "sha256:27d545fce5a7531ee0663acd2a4a867389377ce6bf4ad555ee74bb50b1e901d9";

async function topOf(root: string): Promise<string> {
  const layers = (await readdir(join(root, "layers"))).filter((name) => name !== "ingest");
  const parents = await Promise.all(
    layers.map((layer) =>
      readFile(join(root, "layers", layer, "diff/top")).then(
        () => layer,
        () => undefined,
      ),
    ),
  );
  return parents.find((layer) => layer !== undefined) ?? "";
}

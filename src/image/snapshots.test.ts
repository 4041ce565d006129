import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mountpoints } from "../kernel/mod.ts";
import type { Digest } from "../spec/oci_image.ts";
import { parseReference } from "../spec/reference.ts";
import { namesIn, streamOf, type TarFields, tarOf, testStore } from "./_fixtures.ts";
import { stageLayer } from "./_stage.ts";
import { commitImage } from "./commit.ts";
import {
  driverNamed,
  type ImageStore,
  mountSnapshot,
  openImages,
  prepareSnapshot,
  readSnapshotFile,
  recoverImages,
  removeImage,
  removeSnapshot,
  settleImages,
  snapshotData,
  snapshotSizes,
  unmountSnapshot,
} from "./mod.ts";

/** An image of layers, the lowest first. */
async function put(store: ImageStore, ...layers: TarFields[][]): Promise<Digest> {
  await using stack = new AsyncDisposableStack();
  const staged = [];
  for (const layer of layers)
    staged.push(stack.use(await stageLayer(store.paths, streamOf(tarOf(...layer)))));
  const config = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers" as const, diff_ids: staged.map(({ diffId }) => diffId) },
  };
  return await commitImage(store, { config, layers: staged }, parseReference("image:1"));
}

/** A store with a container `c` on an image of three layers; whatever is mounted is unmounted at the end. */
async function withContainer(options: { disposable?: boolean } = {}) {
  const fixture = await testStore();
  const image = await put(
    fixture.store,
    [
      { name: "etc/passwd", content: "root" },
      { name: "d/low", content: "1" },
      { name: "gone", content: "12" },
    ],
    [{ name: "d/mid", content: "123" }, { name: ".wh.gone" }],
    [{ name: "top", content: "1234" }],
  );
  await prepareSnapshot(fixture.store, { container: "c", image }, options);
  return {
    ...fixture,
    image,
    [Symbol.asyncDispose]: async () => {
      await unmountSnapshot(fixture.store, "c");
      await fixture[Symbol.asyncDispose]();
    },
  };
}

const isMounted = (path: string) => mountpoints().some(({ mountPoint }) => mountPoint === path);

describe("a snapshot", () => {
  test("shows all layers, whiteouts obeyed, and takes writes apart from them", async () => {
    await using fixture = await withContainer();
    const root = await mountSnapshot(fixture.store, "c");
    expect(root).toBe(join(fixture.root, "containers/c/rootfs"));
    expect(await namesIn(root)).toEqual(["d", "etc", "top"]);
    expect(await namesIn(root, "d")).toEqual(["low", "mid"]);
    expect((await stat(root)).mode & 0o7777).toBe(0o755);
    await appendFile(join(root, "top"), "5");
    await rm(join(root, "d/low"));
    expect(await namesIn(fixture.root, "containers/c/rw")).toEqual(["d", "top"]);
    await unmountSnapshot(fixture.store, "c");
    expect(isMounted(root)).toBe(false);
    expect(await readFile(join(await mountSnapshot(fixture.store, "c"), "top"), "utf8")).toBe("12345");
  });

  test("may be mounted, unmounted and removed more often than needed", async () => {
    await using fixture = await withContainer();
    await unmountSnapshot(fixture.store, "c");
    const root = await mountSnapshot(fixture.store, "c");
    expect(await mountSnapshot(fixture.store, "c")).toBe(root);
    expect(mountpoints().filter(({ mountPoint }) => mountPoint === root)).toHaveLength(1);
    await unmountSnapshot(fixture.store, "c");
    await unmountSnapshot(fixture.store, "c");
    await removeSnapshot(fixture.store, "c");
    await removeSnapshot(fixture.store, "c");
    await removeSnapshot(fixture.store, "never-was");
  });

  test("is removed while it is mounted and in use, and only what is its own", async () => {
    await using fixture = await withContainer();
    const root = await mountSnapshot(fixture.store, "c");
    await writeFile(join(fixture.root, "containers/c/config.json"), "{}");
    const user = Bun.spawn(["sleep", "60"], { cwd: root });
    await removeSnapshot(fixture.store, "c");
    expect(isMounted(root)).toBe(false);
    expect(await namesIn(fixture.root, "containers/c")).toEqual(["config.json"]);
    await settleImages(fixture.store);
    expect(await namesIn(fixture.root, "layers/ingest")).toEqual([]);
    user.kill();
    await user.exited;
  });

  test("is found again by another process", async () => {
    await using fixture = await withContainer();
    await writeFile(join(await mountSnapshot(fixture.store, "c"), "new"), "x");
    const other = openImages({ root: fixture.root, driver: driverNamed("overlay") });
    expect(await readSnapshotFile(other, "c", "/new")).toBe("x");
    await unmountSnapshot(other, "c");
    expect(await namesIn(await mountSnapshot(other, "c"))).toEqual(["d", "etc", "new", "top"]);
  });

  test("tells sizes and where its parts are", async () => {
    await using fixture = await withContainer();
    const root = await mountSnapshot(fixture.store, "c");
    await writeFile(join(root, "new"), "12345");
    expect(await snapshotSizes(fixture.store, "c")).toEqual({ rw: 5, rootfs: 4 + 1 + 2 + 3 + 4 + 5 });
    const { Name, Data } = await snapshotData(fixture.store, "c");
    expect(Name).toBe("overlay2");
    expect(Data).toMatchObject({ MergedDir: root, UpperDir: join(fixture.root, "containers/c/rw") });
    expect(Data?.LowerDir?.split(":")).toHaveLength(3);
  });

  test("keeps whole directories when they are renamed, so that it can be exported", async () => {
    await using fixture = await withContainer();
    const root = await mountSnapshot(fixture.store, "c");
    const failure = await rename(join(root, "d"), join(root, "e")).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "EXDEV" });
  });

  test("of an image without layers is empty", async () => {
    await using fixture = await testStore();
    const image = await put(fixture.store);
    await prepareSnapshot(fixture.store, { container: "c", image });
    expect(await namesIn(await mountSnapshot(fixture.store, "c"))).toEqual([]);
    await removeSnapshot(fixture.store, "c");
    expect(await namesIn(fixture.root, "containers/c")).toEqual([]);
  });

  test("of an image that is not there is refused", async () => {
    await using fixture = await testStore();
    const image = `sha256:${"0".repeat(64)}` as const;
    await expect(prepareSnapshot(fixture.store, { container: "c", image })).rejects.toThrow(
      `No such image: ${image}`,
    );
  });

  test("stands on as many layers as Docker allows", async () => {
    await using fixture = await testStore();
    const layers = Array.from({ length: 127 }, (_, index) => [{ name: `f${index}` }]);
    const image = await put(fixture.store, ...layers);
    await prepareSnapshot(fixture.store, { container: "c", image });
    expect(await namesIn(await mountSnapshot(fixture.store, "c"))).toHaveLength(127);
    await removeSnapshot(fixture.store, "c");
  });
});

describe("a disposable snapshot", () => {
  test("is volatile, and may be mounted again", async () => {
    await using fixture = await withContainer({ disposable: true });
    for (let round = 0; round < 2; round += 1) {
      const root = await mountSnapshot(fixture.store, "c");
      expect(
        mountpoints()
          .find(({ mountPoint }) => mountPoint === root)
          ?.superOptions.join(),
      ).toContain("volatile");
      await appendFile(join(root, "new"), "x");
      await unmountSnapshot(fixture.store, "c");
    }
    expect(await readFile(join(fixture.root, "containers/c/rw/new"), "utf8")).toBe("xx");
  });

  test("is unlike others, whose writes outlast a crash of the host", async () => {
    await using fixture = await withContainer();
    const root = await mountSnapshot(fixture.store, "c");
    expect(mountpoints().find(({ mountPoint }) => mountPoint === root)?.superOptions).not.toContain(
      "volatile",
    );
  });
});

describe("a file of a snapshot", () => {
  test("is read as the container would see it, whatever its links say", async () => {
    await using fixture = await withContainer();
    const root = await mountSnapshot(fixture.store, "c");
    await symlink("/etc/passwd", join(root, "absolute"));
    await symlink("../../../../../../etc/passwd", join(root, "up"));
    await symlink("/etc/hostname", join(root, "hosts-own"));
    await mkdir(join(root, "dir"));
    execFileSync("mkfifo", [join(root, "fifo")]);
    for (const path of ["/etc/passwd", "etc/passwd", "absolute", "up", "../etc/passwd"]) {
      expect(await readSnapshotFile(fixture.store, "c", path)).toBe("root");
    }
    for (const path of ["/nosuch", "hosts-own", "dir", "fifo", "top/x"]) {
      expect(await readSnapshotFile(fixture.store, "c", path)).toBeUndefined();
    }
  });
});

describe("layers under a snapshot", () => {
  test("outlive their image, and go when both are gone", async () => {
    await using fixture = await withContainer();
    const { store, root } = fixture;
    expect(await removeImage(store, "image:1", { force: true })).toHaveLength(2);
    await recoverImages(openImages({ root, driver: driverNamed("overlay2") }));
    expect(await namesIn(await mountSnapshot(store, "c"))).toEqual(["d", "etc", "top"]);
    await removeSnapshot(store, "c");
    await recoverImages(store);
    await settleImages(store);
    expect(await namesIn(root, "layers")).toEqual(["ingest"]);
  });

  test("are not removed by a removal that runs while the snapshot is made", async () => {
    for (let round = 0; round < 5; round += 1) {
      await using fixture = await testStore();
      const image = await put(fixture.store, [{ name: "f", content: "x" }]);
      const made = prepareSnapshot(fixture.store, { container: "c", image }).then(
        () => true,
        () => false,
      );
      await Promise.all([made, removeImage(fixture.store, "image:1", { force: true })]);
      if (await made) expect(await namesIn(await mountSnapshot(fixture.store, "c"))).toEqual(["f"]);
      await removeSnapshot(fixture.store, "c");
    }
  });
});

test("an unmount does not hold up the process while the disk is written", async () => {
  await using fixture = await withContainer();
  const root = await mountSnapshot(fixture.store, "c");
  await writeFile(join(root, "dirty"), new Uint8Array(60_000_000));
  await stat(join(root, "dirty"));
  const before = performance.now();
  const unmounted = unmountSnapshot(fixture.store, "c");
  let longest = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  await unmounted;
  // What comes next may have to wait for the disk, asynchronously.
  expect(existsSync(await mountSnapshot(fixture.store, "c"))).toBe(true);
  clearInterval(watch);
  const whole = performance.now() - before;
  expect(longest).toBeLessThan(Math.max(30, whole / 2));
});

test("only known drivers are taken", () => {
  expect(() => driverNamed("zfs")).toThrow(
    'storage driver "zfs" is not known: use one of btrfs, overlay, overlay2, vfs',
  );
});

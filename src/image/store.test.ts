import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { filesOf, namesIn, putImage, tagsOf, testStore } from "./_fixtures.ts";
import {
  driverNamed,
  findImage,
  inspectImage,
  listImages,
  openImages,
  recoverImages,
  removeImage,
  settleImages,
} from "./mod.ts";

describe("at the same time", () => {
  test("imports of one archive end with one layer and all names", async () => {
    await using fixture = await testStore();
    await Promise.all(Array.from({ length: 8 }, (_, index) => putImage(fixture.store, "same", `n${index}`)));
    expect(await tagsOf(fixture.store)).toHaveLength(8);
    expect((await namesIn(fixture.root, "layers")).filter((name) => name !== "ingest")).toHaveLength(1);
    expect(await namesIn(fixture.root, "layers/ingest")).toEqual([]);
    expect(await namesIn(fixture.root, "images/ingest")).toEqual([]);
  });

  test("imports and removals leave what was imported last, whole", async () => {
    await using fixture = await testStore();
    const work = Array.from({ length: 12 }, async (_, index) => {
      await putImage(fixture.store, `content ${index % 3}`, `n${index}`);
      if (index % 2 === 0) await removeImage(fixture.store, `n${index}`, { force: false });
    });
    await Promise.all(work);
    const tags = await tagsOf(fixture.store);
    expect(tags).toEqual(
      ["n11:latest", "n1:latest", "n3:latest", "n5:latest", "n7:latest", "n9:latest"].sort(),
    );
    await settleImages(fixture.store);
    for (const tag of tags) {
      const [diffId = ""] = (await findImage(fixture.store, tag)).config.rootfs.diff_ids;
      expect(await readFile(join(fixture.root, "layers", diffId.slice(7), "diff/file"), "utf8")).toStartWith(
        "content",
      );
      expect(existsSync(join(fixture.root, "images/blobs/sha256", diffId.slice(7)))).toBe(true);
    }
  });
});

describe("on disk", () => {
  test("is what another process reads", async () => {
    await using fixture = await testStore();
    const id = await putImage(fixture.store, "x", "a");
    const other = openImages({ root: fixture.root, driver: driverNamed("overlay") });
    expect((await findImage(other, "a")).id).toBe(id as never);
    expect(await inspectImage(other, "a")).toEqual(await inspectImage(fixture.store, "a"));
  });

  const skopeo = Bun.which("skopeo");
  test.skipIf(skopeo === null)(
    `is an image layout that skopeo reads${skopeo === null ? " (skopeo is not installed)" : ""}`,
    async () => {
      await using fixture = await testStore();
      await putImage(fixture.store, "x", "a/b:c", ["ENV A=b"]);
      await putImage(fixture.store, "y", "other");
      const layout = `oci:${join(fixture.root, "images")}:docker.io/a/b:c`;
      const inspected = JSON.parse(execFileSync("skopeo", ["inspect", layout], { encoding: "utf8" })) as {
        Env: string[];
      };
      expect(inspected.Env).toEqual(["A=b"]);
      execFileSync("skopeo", ["copy", "--quiet", layout, `dir:${join(fixture.root, "copy")}`]);
      expect(existsSync(join(fixture.root, "copy", "manifest.json"))).toBe(true);
    },
  );

  test("a damaged index is named, and nothing is removed for it", async () => {
    await using fixture = await testStore();
    await putImage(fixture.store, "x", "a");
    const before = await filesOf(fixture.root);
    await writeFile(join(fixture.root, "images/index.json"), "{");
    const other = openImages({ root: fixture.root, driver: driverNamed("overlay2") });
    await expect(listImages(other, { filters: {} })).rejects.toThrow("index.json is damaged");
    await recoverImages(other).catch(() => undefined);
    expect(await filesOf(fixture.root)).toEqual(before);
  });

  test("an image with a missing blob is left out, and the blobs of others are kept", async () => {
    await using fixture = await testStore();
    const lost = await putImage(fixture.store, "x", "lost");
    await putImage(fixture.store, "y", "kept");
    await rm(join(fixture.root, "images/blobs/sha256", lost.slice(7)));
    const other = openImages({ root: fixture.root, driver: driverNamed("overlay2") });
    const before = await namesIn(fixture.root, "images/blobs/sha256");
    await recoverImages(other);
    expect(await tagsOf(other)).toEqual(["kept:latest"]);
    expect(await namesIn(fixture.root, "images/blobs/sha256")).toEqual(before);
  });
});

test("a process killed at any instant of an import leaves all or nothing of the image, and recovery nothing else", async () => {
  const program = join(import.meta.dir, "_killed.ts");
  const outcomes = new Set<string>();
  for (const delay of [0, 5, 10, 15, 20, 30, 40, 60, 90]) {
    await using fixture = await testStore();
    await putImage(fixture.store, "there before", "before");
    const before = await filesOf(fixture.root);
    const child = Bun.spawn([process.execPath, program, fixture.root], { stdout: "pipe", stdin: "ignore" });
    // It says that it has begun, and imports until it is killed.
    await child.stdout.getReader().read();
    await Bun.sleep(delay);
    child.kill("SIGKILL");
    await child.exited;
    const store = openImages({ root: fixture.root, driver: driverNamed("overlay2") });
    const tags = await tagsOf(store);
    outcomes.add(tags.join());
    for (const tag of tags) {
      const { config } = await findImage(store, tag);
      for (const diffId of config.rootfs.diff_ids) {
        expect(await readdir(join(fixture.root, "layers", diffId.slice(7), "diff"))).toHaveLength(
          tag === "before:latest" ? 1 : 500,
        );
        expect(existsSync(join(fixture.root, "images/blobs/sha256", diffId.slice(7)))).toBe(true);
      }
    }
    await recoverImages(store);
    await settleImages(store);
    expect(await namesIn(fixture.root, "images/ingest")).toEqual([]);
    expect(await namesIn(fixture.root, "layers/ingest")).toEqual([]);
    if (tags.length === 1) expect(await filesOf(fixture.root)).toEqual(before);
  }
  expect(outcomes).toContain("before:latest");
}, 60_000);

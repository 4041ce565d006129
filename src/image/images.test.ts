import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "../spec/digest.ts";
import { namesIn, streamOf, tarOf, testStore } from "./_fixtures.ts";
import {
  driverNamed,
  findImage,
  type ImageEvent,
  type ImageStore,
  type ImageUser,
  importImage,
  inspectImage,
  listImages,
  openImages,
  recoverImages,
  removeImage,
  settleImages,
  tagImage,
} from "./mod.ts";

/** An image of one file. */
async function put(
  store: ImageStore,
  content: string,
  reference?: string,
  changes: string[] = [],
): Promise<string> {
  const archive = streamOf(tarOf({ name: "file", content }));
  const { id } = await importImage(store, archive, {
    changes,
    ...(reference !== undefined && { reference }),
  });
  return id;
}

const tagsOf = async (store: ImageStore, filters: Record<string, string[]> = {}) =>
  (await listImages(store, { filters })).flatMap(({ RepoTags }) => RepoTags).sort();

/** All files of the store but the index. */
async function filesOf(root: string): Promise<string[]> {
  return [
    ...(await namesIn(root, "images", "blobs", "sha256")),
    ...(await namesIn(root, "images", "ingest")),
    ...(await namesIn(root, "layers")),
    ...(await namesIn(root, "layers", "ingest")),
  ];
}

describe("an import", () => {
  test("makes an image whose ID is the digest of its configuration", async () => {
    await using fixture = await testStore();
    const id = await put(fixture.store, "x", "name", ['CMD ["sh"]', "ENV A=b"]);
    const { id: found, config } = await findImage(fixture.store, "name");
    expect(found).toBe(id as typeof found);
    const text = await readFile(join(fixture.root, "images/blobs/sha256", hexOf(found)));
    expect(new Bun.CryptoHasher("sha256").update(text).digest("hex")).toBe(hexOf(found));
    expect(config.config).toEqual({ Cmd: ["sh"], Env: ["A=b"] });
    expect(config.history).toEqual([{ created: config.created ?? "", comment: "Imported from -" }]);
    expect(config.rootfs.diff_ids).toHaveLength(1);
  });

  test.each([
    ["plain", (archive: Buffer) => archive],
    ["gzip", (archive: Buffer) => Bun.gzipSync(new Uint8Array(archive))],
    [
      "two gzip members",
      (archive: Buffer) =>
        Buffer.concat([
          Bun.gzipSync(new Uint8Array(archive.subarray(0, 700))),
          Bun.gzipSync(new Uint8Array(archive.subarray(700))),
        ]),
    ],
    ["zstd", (archive: Buffer) => Bun.zstdCompressSync(new Uint8Array(archive))],
  ])("of %s gives the same layer, stored uncompressed", async (_, compress) => {
    await using fixture = await testStore();
    const archive = tarOf({ name: "file", content: "x".repeat(3000) });
    const { id } = await importImage(fixture.store, streamOf(compress(archive), 100), { changes: [] });
    const { config } = await findImage(fixture.store, id);
    const diffId = new Bun.CryptoHasher("sha256").update(archive).digest("hex");
    expect(config.rootfs.diff_ids).toEqual([`sha256:${diffId}`]);
    expect(archive.equals(await readFile(join(fixture.root, "images/blobs/sha256", diffId)))).toBe(true);
    expect(await readFile(join(fixture.root, "layers", diffId, "diff/file"), "utf8")).toHaveLength(3000);
    expect(await readFile(join(fixture.root, "layers", diffId, "size"), "utf8")).toBe("3000\n");
  });

  test("of nothing is an image with an empty layer", async () => {
    await using fixture = await testStore();
    await importImage(fixture.store, streamOf(Buffer.alloc(0)), { changes: [], reference: "empty" });
    expect((await inspectImage(fixture.store, "empty")).Size).toBe(0);
  });

  test("takes message and platform", async () => {
    await using fixture = await testStore();
    const request = { changes: [], reference: "a", message: "by hand", platform: "linux/arm64/v8" };
    await importImage(fixture.store, streamOf(tarOf({ name: "f" })), request);
    expect(await inspectImage(fixture.store, "a")).toMatchObject({
      Comment: "by hand",
      Architecture: "arm64",
      Variant: "v8",
    });
  });

  test.each([
    [{ reference: "UPPER" }, "repository name must be lowercase"],
    [{ reference: "a b" }, "invalid reference format"],
    [{ platform: "windows/amd64" }, 'platform "windows/amd64" is not'],
    [{ changes: ["RUN x"] }, "RUN is not a valid change command"],
  ])("with %j is refused before its archive is read", async (request, message) => {
    await using fixture = await testStore();
    let read = false;
    const archive = (async function* () {
      read = true;
      yield tarOf({ name: "f" });
    })();
    await expect(importImage(fixture.store, archive, { changes: [], ...request })).rejects.toThrow(message);
    await settleImages(fixture.store);
    expect(read).toBe(false);
  });

  test("whose stream breaks off leaves nothing and fails with the stream's own error", async () => {
    await using fixture = await testStore();
    for (const compress of [
      (bytes: Buffer): Uint8Array => bytes,
      (bytes: Buffer) => Bun.gzipSync(new Uint8Array(bytes)),
    ]) {
      const bytes = compress(tarOf({ name: "f", content: "x".repeat(5000) }));
      const archive = (async function* () {
        yield bytes.subarray(0, bytes.length / 2);
        throw new Error("client went away");
      })();
      const failure = await importImage(fixture.store, archive, { changes: [] }).catch(
        (error: unknown) => error,
      );
      expect(String(failure)).toContain("client went away");
      expect(await filesOf(fixture.root)).toEqual(["ingest"]);
    }
  });

  test("with a name that another image has takes it, and the other stays without one", async () => {
    await using fixture = await testStore();
    const first = await put(fixture.store, "1", "n");
    const second = await put(fixture.store, "2", "n");
    expect((await findImage(fixture.store, "n")).id).toBe(second as never);
    expect((await inspectImage(fixture.store, first)).RepoTags).toEqual([]);
    expect(await listImages(fixture.store, { filters: { dangling: ["true"] } })).toMatchObject([
      { Id: first },
    ]);
  });
});

describe("a name", () => {
  test("is found short, whole, and as the beginning of an ID", async () => {
    await using fixture = await testStore();
    const id = await put(fixture.store, "x", "alpine:3");
    for (const name of [
      "alpine:3",
      "docker.io/library/alpine:3",
      "library/alpine:3",
      id,
      id.slice(7),
      id.slice(7, 13),
      id.slice(0, 15),
    ]) {
      expect((await findImage(fixture.store, name)).id).toBe(id as never);
    }
  });

  test.each([
    ["nosuch", "No such image: nosuch:latest"],
    ["docker.io/library/x:1", "No such image: x:1"],
    [`sha256:${"0".repeat(64)}`, `No such image: sha256:${"0".repeat(64)}`],
    ["0".repeat(64), `No such image: ${"0".repeat(64)}`],
  ])("that is not there: %s", async (name, message) => {
    await using fixture = await testStore();
    const failure = await findImage(fixture.store, name).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "not-found", message });
  });

  test("that begins several IDs is ambiguous", async () => {
    await using fixture = await testStore();
    const prefixes = new Map<string, number>();
    // Seventeen IDs have sixteen first digits.
    for (let index = 0; index < 17; index += 1) {
      const digit = (await put(fixture.store, String(index))).charAt(7);
      prefixes.set(digit, (prefixes.get(digit) ?? 0) + 1);
    }
    const [digit = ""] = [...prefixes].find(([, count]) => count > 1) ?? [];
    await expect(findImage(fixture.store, digit)).rejects.toThrow(`image ID ${digit} is ambiguous`);
  });

  test("is given by tag, and not with a digest", async () => {
    await using fixture = await testStore();
    const id = await put(fixture.store, "x", "a");
    await tagImage(fixture.store, "a", "quay.io/b/c:d");
    expect((await inspectImage(fixture.store, id)).RepoTags).toEqual(["a:latest", "quay.io/b/c:d"]);
    await expect(tagImage(fixture.store, "a", `x@sha256:${"a".repeat(64)}`)).rejects.toThrow(
      "refusing to create a tag with a digest reference",
    );
    await expect(tagImage(fixture.store, "nosuch", "y")).rejects.toThrow("No such image: nosuch:latest");
  });
});

test("inspect has Docker's fields", async () => {
  await using fixture = await testStore();
  const id = await put(fixture.store, "12345", "a", ['CMD ["sh"]', "LABEL k=v"]);
  const inspected = await inspectImage(fixture.store, "a");
  const [layer = ""] = inspected.RootFS.Layers ?? [];
  expect(inspected).toEqual({
    Id: id,
    RepoTags: ["a:latest"],
    RepoDigests: [],
    Parent: "",
    Comment: "Imported from -",
    Created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    Author: "",
    Config: {
      Cmd: ["sh"],
      Entrypoint: null,
      Env: null,
      Labels: { k: "v" },
      OnBuild: null,
      Volumes: null,
      WorkingDir: "",
    },
    Architecture: process.arch === "arm64" ? "arm64" : "amd64",
    Os: "linux",
    Size: 5,
    GraphDriver: {
      Name: "overlay2",
      Data: { UpperDir: join(fixture.root, "layers", layer.slice(7), "diff") },
    },
    RootFS: { Type: "layers", Layers: [expect.stringMatching(/^sha256:/)] },
    Metadata: { LastTagTime: expect.stringMatching(/^\d{4}-/) },
  } as never);
});

describe("filters", () => {
  test("choose by reference, label, time and name", async () => {
    await using fixture = await testStore();
    const { store } = fixture;
    await put(store, "1", "a/one:1", ["LABEL k=v"]);
    await put(store, "2", "a/two:1", ["LABEL k=w x="]);
    await put(store, "3", "three");
    await put(store, "4");
    expect(await tagsOf(store)).toEqual(["a/one:1", "a/two:1", "three:latest"]);
    expect(await tagsOf(store, { reference: ["a/*"] })).toEqual(["a/one:1", "a/two:1"]);
    expect(await tagsOf(store, { reference: ["*:latest"] })).toEqual(["three:latest"]);
    expect(await tagsOf(store, { label: ["k"] })).toEqual(["a/one:1", "a/two:1"]);
    expect(await tagsOf(store, { label: ["k=w", "x"] })).toEqual(["a/two:1"]);
    expect(await tagsOf(store, { before: ["a/two:1"] })).toEqual(["a/one:1"]);
    expect(await tagsOf(store, { since: ["a/two:1"] })).toEqual(["three:latest"]);
    expect(await tagsOf(store, { until: ["1h"] })).toEqual([]);
    expect(await tagsOf(store, { dangling: ["false"] })).toHaveLength(3);
    expect(await listImages(store, { filters: { dangling: ["true"] } })).toHaveLength(1);
    const wrong: Record<string, string[]>[] = [
      { nosuch: ["x"] },
      { dangling: ["maybe"] },
      { until: ["soon"] },
    ];
    for (const filters of wrong) {
      await expect(listImages(store, { filters })).rejects.toThrow("invalid filter");
    }
  });
});

describe("removing", () => {
  const users = (...list: ImageUser[]) => testStore({ usersOf: () => list });
  const STOPPED = { id: "a".repeat(64), running: false };
  const RUNNING = { id: "b".repeat(64), running: true };

  test("takes one name of several, then the image with its files", async () => {
    const events: ImageEvent[] = [];
    await using fixture = await testStore({ emit: (event) => events.push(event) });
    const id = await put(fixture.store, "x", "a");
    await tagImage(fixture.store, "a", "b");
    expect(await removeImage(fixture.store, "a", { force: false })).toEqual([{ Untagged: "a:latest" }]);
    const [diffId = ""] = (await findImage(fixture.store, "b")).config.rootfs.diff_ids;
    expect(await removeImage(fixture.store, "b", { force: false })).toEqual([
      { Untagged: "b:latest" },
      { Deleted: id },
      { Deleted: diffId },
    ]);
    await settleImages(fixture.store);
    expect(await filesOf(fixture.root)).toEqual(["ingest"]);
    expect(events.map(({ action, name }) => [action, name])).toEqual([
      ["import", "a:latest"],
      ["tag", "b:latest"],
      ["untag", id],
      ["untag", id],
      ["delete", id],
    ]);
  });

  test("by ID takes all names of one repository, and of several only by force", async () => {
    await using fixture = await testStore();
    const id = await put(fixture.store, "x", "a");
    await tagImage(fixture.store, "a", "b");
    await expect(removeImage(fixture.store, id, { force: false })).rejects.toThrow(
      `conflict: unable to delete ${id.slice(7, 19)} (must be forced) - image is referenced in multiple repositories`,
    );
    expect(await removeImage(fixture.store, id, { force: true })).toMatchObject([
      { Untagged: "a:latest" },
      { Untagged: "b:latest" },
      { Deleted: id },
      {},
    ]);
  });

  test("keeps a layer that another image has", async () => {
    await using fixture = await testStore();
    await put(fixture.store, "same", "a");
    await put(fixture.store, "same", "b", ["USER x"]);
    expect(await removeImage(fixture.store, "a", { force: false })).toHaveLength(2);
    await settleImages(fixture.store);
    const [diffId = ""] = (await findImage(fixture.store, "b")).config.rootfs.diff_ids;
    expect(await readFile(join(fixture.root, "layers", diffId.slice(7), "diff/file"), "utf8")).toBe("same");
    expect(existsSync(join(fixture.root, "images/blobs/sha256", diffId.slice(7)))).toBe(true);
  });

  test("from under a container is refused in Docker's words", async () => {
    for (const [user, byId] of [
      [STOPPED, "(must be forced) - image is being used by stopped container aaaaaaaaaaaa"],
      [RUNNING, "(cannot be forced) - image is being used by running container bbbbbbbbbbbb"],
    ] as const) {
      await using fixture = await users(user);
      const id = await put(fixture.store, "x", "a");
      const short = id.slice(7, 19);
      const failures = [
        removeImage(fixture.store, "a", { force: false }),
        removeImage(fixture.store, id, { force: false }),
      ];
      const [byName, byDigits] = await Promise.all(
        failures.map((failure) => failure.catch((error: unknown) => error)),
      );
      expect(byName).toMatchObject({
        kind: "conflict",
        message: `conflict: unable to remove repository reference "a" (must force) - container ${user.id.slice(0, 12)} is using its referenced image ${short}`,
      });
      expect(byDigits).toMatchObject({
        kind: "conflict",
        message: `conflict: unable to delete ${short} ${byId}`,
      });
      expect(await tagsOf(fixture.store)).toEqual(["a:latest"]);
    }
  });

  test("by force takes the image from a stopped container, and from a running one only its name", async () => {
    await using stopped = await users(STOPPED);
    await put(stopped.store, "x", "a");
    expect(await removeImage(stopped.store, "a", { force: true })).toHaveLength(3);
    await using running = await users(RUNNING);
    const id = await put(running.store, "x", "a");
    expect(await removeImage(running.store, "a", { force: true })).toEqual([{ Untagged: "a:latest" }]);
    await expect(removeImage(running.store, id, { force: true })).rejects.toThrow("cannot be forced");
  });

  test("does not follow the links in a layer", async () => {
    await using fixture = await testStore();
    const outside = join(fixture.root, "outside");
    await writeFile(outside, "kept");
    const archive = tarOf(
      { name: "up", type: "2", link: "../../.." },
      { name: "abs", type: "2", link: fixture.root },
    );
    await importImage(fixture.store, streamOf(archive), { changes: [], reference: "a" });
    await removeImage(fixture.store, "a", { force: false });
    await settleImages(fixture.store);
    expect(await filesOf(fixture.root)).toEqual(["ingest"]);
    expect(await readFile(outside, "utf8")).toBe("kept");
  });
});

describe("at the same time", () => {
  test("imports of one archive end with one layer and all names", async () => {
    await using fixture = await testStore();
    await Promise.all(Array.from({ length: 8 }, (_, index) => put(fixture.store, "same", `n${index}`)));
    expect(await tagsOf(fixture.store)).toHaveLength(8);
    expect((await namesIn(fixture.root, "layers")).filter((name) => name !== "ingest")).toHaveLength(1);
    expect(await namesIn(fixture.root, "layers/ingest")).toEqual([]);
    expect(await namesIn(fixture.root, "images/ingest")).toEqual([]);
  });

  test("imports and removals leave what was imported last, whole", async () => {
    await using fixture = await testStore();
    const work = Array.from({ length: 12 }, async (_, index) => {
      await put(fixture.store, `content ${index % 3}`, `n${index}`);
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
    const id = await put(fixture.store, "x", "a");
    const other = openImages({ root: fixture.root, driver: driverNamed("overlay") });
    expect((await findImage(other, "a")).id).toBe(id as never);
    expect(await inspectImage(other, "a")).toEqual(await inspectImage(fixture.store, "a"));
  });

  const skopeo = Bun.which("skopeo");
  test.skipIf(skopeo === null)(
    `is an image layout that skopeo reads${skopeo === null ? " (skopeo is not installed)" : ""}`,
    async () => {
      await using fixture = await testStore();
      await put(fixture.store, "x", "a/b:c", ["ENV A=b"]);
      await put(fixture.store, "y", "other");
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
    await put(fixture.store, "x", "a");
    const before = await filesOf(fixture.root);
    await writeFile(join(fixture.root, "images/index.json"), "{");
    const other = openImages({ root: fixture.root, driver: driverNamed("overlay2") });
    await expect(listImages(other, { filters: {} })).rejects.toThrow("index.json is damaged");
    await recoverImages(other).catch(() => undefined);
    expect(await filesOf(fixture.root)).toEqual(before);
  });

  test("an image with a missing blob is left out, and the blobs of others are kept", async () => {
    await using fixture = await testStore();
    const lost = await put(fixture.store, "x", "lost");
    await put(fixture.store, "y", "kept");
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
    await put(fixture.store, "there before", "before");
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
    expect(await namesIn(fixture.root, "images/ingest")).toEqual([]);
    expect(await namesIn(fixture.root, "layers/ingest")).toEqual([]);
    if (tags.length === 1) expect(await filesOf(fixture.root)).toEqual(before);
  }
  expect(outcomes).toContain("before:latest");
}, 60_000);

import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "../spec/digest.ts";
import { filesOf, putImage, streamOf, tarOf, testStore } from "./_fixtures.ts";
import { findImage, importImage, inspectImage, listImages, settleImages } from "./mod.ts";

describe("an import", () => {
  test("makes an image whose ID is the digest of its configuration", async () => {
    await using fixture = await testStore();
    const id = await putImage(fixture.store, "x", "name", ['CMD ["sh"]', "ENV A=b"]);
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
    const first = await putImage(fixture.store, "1", "n");
    const second = await putImage(fixture.store, "2", "n");
    expect((await findImage(fixture.store, "n")).id).toBe(second as never);
    expect((await inspectImage(fixture.store, first)).RepoTags).toEqual([]);
    expect(await listImages(fixture.store, { filters: { dangling: ["true"] } })).toMatchObject([
      { Id: first },
    ]);
  });
});

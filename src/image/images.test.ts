import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { putImage, tagsOf, testStore } from "./_fixtures.ts";
import { findImage, inspectImage, listImages, tagImage } from "./mod.ts";

describe("a name", () => {
  test("is found short, whole, and as the beginning of an ID", async () => {
    await using fixture = await testStore();
    const id = await putImage(fixture.store, "x", "alpine:3");
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
      const digit = (await putImage(fixture.store, String(index))).charAt(7);
      prefixes.set(digit, (prefixes.get(digit) ?? 0) + 1);
    }
    const [digit = ""] = [...prefixes].find(([, count]) => count > 1) ?? [];
    await expect(findImage(fixture.store, digit)).rejects.toThrow(`image ID ${digit} is ambiguous`);
  });

  test("is given by tag, and not with a digest", async () => {
    await using fixture = await testStore();
    const id = await putImage(fixture.store, "x", "a");
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
  const id = await putImage(fixture.store, "12345", "a", ['CMD ["sh"]', "LABEL k=v"]);
  const inspected = await inspectImage(fixture.store, "a");
  const [layer = ""] = inspected.RootFS.Layers ?? [];
  expect(inspected).toEqual({
    Id: id,
    RepoTags: ["a:latest"],
    RepoDigests: [],
    Parent: "",
    Comment: "Imported from -",
    Created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    DockerVersion: "",
    Author: "",
    Config: {
      Cmd: ["sh"],
      Entrypoint: null,
      Env: null,
      Labels: { k: "v" },
      OnBuild: null,
      User: "",
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
    await putImage(store, "1", "a/one:1", ["LABEL k=v"]);
    await putImage(store, "2", "a/two:1", ["LABEL k=w x="]);
    await putImage(store, "3", "three");
    await putImage(store, "4");
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

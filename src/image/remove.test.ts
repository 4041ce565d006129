import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { filesOf, putImage, streamOf, tagsOf, tarOf, testStore } from "./_fixtures.ts";
import {
  findImage,
  type ImageEvent,
  type ImageUser,
  importImage,
  removeImage,
  settleImages,
  tagImage,
} from "./mod.ts";

describe("removing", () => {
  const users = (...list: ImageUser[]) => testStore({ usersOf: () => list });
  const STOPPED = { id: "a".repeat(64), running: false };
  const RUNNING = { id: "b".repeat(64), running: true };

  test("takes one name of several, then the image with its files", async () => {
    const events: ImageEvent[] = [];
    await using fixture = await testStore({ emit: (event) => events.push(event) });
    const id = await putImage(fixture.store, "x", "a");
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
    expect(events.map(({ action, attributes }) => [action, attributes.name])).toEqual([
      ["tag", "a:latest"],
      ["import", id],
      ["tag", "b:latest"],
      ["untag", id],
      ["untag", id],
      ["delete", id],
    ]);
  });

  test("by ID takes all names of one repository, and of several only by force", async () => {
    await using fixture = await testStore();
    const id = await putImage(fixture.store, "x", "a");
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
    await putImage(fixture.store, "same", "a");
    await putImage(fixture.store, "same", "b", ["USER x"]);
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
      const id = await putImage(fixture.store, "x", "a");
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
    await putImage(stopped.store, "x", "a");
    expect(await removeImage(stopped.store, "a", { force: true })).toHaveLength(3);
    await using running = await users(RUNNING);
    const id = await putImage(running.store, "x", "a");
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

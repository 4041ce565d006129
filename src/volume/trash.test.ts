import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openVolumes } from "./mod.ts";

async function testVolumes() {
  const root = await mkdtemp("/tmp/fathom-test-volume-trash-");
  const warnings: string[] = [];
  const open = () =>
    openVolumes({ root, emit: () => undefined, warn: (sentence) => warnings.push(sentence) });
  return {
    root,
    open,
    volumes: await open(),
    warnings,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

describe("a volume that is discarded", () => {
  test("comes back whole, by another engine too: files, labels, options, and when it was made", async () => {
    await using at = await testVolumes();
    const made = await at.volumes.create({
      Name: "db",
      Labels: { k: "v" },
      DriverOpts: { type: "tmpfs", device: "tmpfs" },
    });
    await writeFile(join(at.root, "db/_data/file"), "12345");
    await at.volumes.discard("db", { reason: "volume rm" });
    expect(() => at.volumes.inspect("db")).toThrow("no such volume");
    const other = await at.open();
    const [item] = await other.trash.list();
    expect(item).toMatchObject({ Type: "volume", Names: ["db"], Bytes: 5, Reason: "volume rm" });
    expect(await other.trash.restore(item?.ID ?? "")).toEqual({ Type: "volume", Names: ["db"], Taken: [] });
    expect(other.inspect("db")).toEqual(made);
    expect(await readFile(join(at.root, "db/_data/file"), "utf8")).toBe("12345");
    expect(await readdir(join(at.root, "db"))).toEqual(expect.not.arrayContaining(["trash.json"]));
    expect(await other.trash.list()).toEqual([]);
    expect(at.warnings).toEqual([]);
  });

  test("is not put in the place of another of its name, and waits on", async () => {
    await using at = await testVolumes();
    await at.volumes.create({ Name: "db" });
    await at.volumes.discard("db", { reason: "volume rm" });
    await at.volumes.create({ Name: "db", Labels: { other: "" } });
    const [item] = await at.volumes.trash.list();
    await expect(at.volumes.trash.restore(item?.ID ?? "")).rejects.toThrow("there is another of that name");
    expect(at.volumes.inspect("db").Labels).toEqual({ other: "" });
    expect(await at.volumes.trash.list()).toHaveLength(1);
  });

  test("is gone for good once it is erased", async () => {
    await using at = await testVolumes();
    await at.volumes.create({ Name: "db" });
    await at.volumes.discard("db", { reason: "volume rm" });
    const [item] = await at.volumes.trash.list();
    for (const id of [item?.ID ?? "", "000000000000", "../../etc"]) await at.volumes.trash.erase(id);
    expect(await at.volumes.trash.list()).toEqual([]);
    expect(await readdir(at.root)).toEqual([]);
    await expect(at.volumes.trash.restore("../db")).rejects.toThrow("there is no volume ../db in the trash");
  });

  test("is only the one of that time, where a time is given", async () => {
    await using at = await testVolumes();
    await at.volumes.create({ Name: "db" });
    const how = { reason: "volume prune", createdAt: "2020-01-01T00:00:00Z" };
    await expect(at.volumes.discard("db", how)).rejects.toThrow("another volume of that name");
  });

  test("is there, in its place or in the trash, whenever the engine is killed", async () => {
    await using at = await testVolumes();
    await at.volumes.create({ Name: "db" });
    // Killed after the note was written, and before the rename.
    const note = JSON.stringify({ at: "2026-01-01T00:00:00Z", bytes: 0, reason: "volume rm" });
    await writeFile(join(at.root, "db/trash.json"), note);
    const first = await at.open();
    expect(first.inspect("db").Name).toBe("db");
    expect(await readdir(join(at.root, "db"))).not.toContain("trash.json");
    // Killed after the rename that restores it: the note is there still.
    await first.discard("db", { reason: "volume rm" });
    const [item] = await first.trash.list();
    await rename(join(at.root, ".trash", item?.ID ?? ""), join(at.root, "db"));
    const second = await at.open();
    expect(second.inspect("db").Name).toBe("db");
    expect(await second.trash.list()).toEqual([]);
    // What is in the trash and is no volume is let be.
    await mkdir(join(at.root, ".trash/abc"), { recursive: true });
    expect(await second.trash.list()).toEqual([]);
  });
});

describe("a volume that is locked", () => {
  test("stays, whoever wants to remove it, also with another engine, until it is unlocked", async () => {
    await using at = await testVolumes();
    await at.volumes.create({ Name: "db" });
    await at.volumes.setLocked("db", true);
    const volumes = await at.open();
    expect(volumes.inspect("db").Status).toEqual({ Locked: true });
    await expect(volumes.remove("db")).rejects.toThrow("remove db: volume is locked");
    await expect(volumes.discard("db", { reason: "" })).rejects.toThrow("remove db: volume is locked");
    expect((await volumes.prune({}, { all: true })).VolumesDeleted).toEqual([]);
    expect(await volumes.candidates({}, { all: true, without: new Set() })).toEqual([]);
    await volumes.setLocked("db", false);
    await volumes.setLocked("db", false);
    expect(volumes.inspect("db").Status).toBeUndefined();
    await volumes.remove("db");
    await expect(volumes.setLocked("db", true)).rejects.toThrow("no such volume");
  });
});

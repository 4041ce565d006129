import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loopDisk } from "../../test/harness/mod.ts";
import { namesIn, testDirectory } from "./_fixtures.ts";
import { chooseDriver } from "./drivers.ts";

const choose = async (root: string, wanted?: string) => {
  const { driver, notice } = await chooseDriver(root, { wanted, writable: true });
  return { name: driver.name, notice };
};

describe("the driver of a data root", () => {
  test("is overlay on an ordinary file system, is noted, and leaves nothing else", async () => {
    await using directory = await testDirectory();
    expect(await choose(directory.path)).toEqual({ name: "overlay2", notice: undefined });
    expect(await namesIn(directory.path)).toEqual(["storage-driver"]);
    expect(await readFile(join(directory.path, "storage-driver"), "utf8")).toBe("overlay2\n");
  });

  test("is the one that made what is there, and another is refused", async () => {
    await using directory = await testDirectory();
    expect((await choose(directory.path, "vfs")).name).toBe("vfs");
    expect((await choose(directory.path)).name).toBe("vfs");
    await expect(choose(directory.path, "overlay2")).rejects.toThrow(
      `error initializing graphdriver: ${directory.path} contains several valid graphdrivers: vfs, overlay2; please cleanup or explicitly choose storage driver (-s vfs)`,
    );
  });

  test("is overlay where containers are that no note is of, for older engines knew no other", async () => {
    await using directory = await testDirectory();
    await mkdir(join(directory.path, "containers/c"), { recursive: true });
    expect((await choose(directory.path)).name).toBe("overlay2");
    expect((await choose(directory.path, "overlay")).name).toBe("overlay2");
    await expect(choose(directory.path, "vfs")).rejects.toThrow("several valid graphdrivers: overlay2, vfs");
  });

  test.skipIf(Bun.which("mkfs.btrfs") === null)("is btrfs on btrfs, and only there", async () => {
    await using disk = await loopDisk("btrfs", 128);
    expect((await choose(disk.path)).name).toBe("btrfs");
    await using directory = await testDirectory();
    await expect(choose(directory.path, "btrfs")).rejects.toThrow(
      `driver not supported: btrfs cannot be used in ${directory.path}: it does not lie on btrfs`,
    );
  });

  test("is vfs where overlay cannot write, as on an overlay; overlay is refused there", async () => {
    await using directory = await testDirectory();
    const [lower, upper, work, root] = ["l", "u", "w", "m"].map((name) => join(directory.path, name));
    for (const path of [lower, upper, work, root]) await mkdir(path ?? "");
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, root ?? ""]);
    try {
      await expect(choose(root ?? "", "overlay2")).rejects.toThrow("overlay2 cannot be used in");
      const { name, notice } = await choose(root ?? "");
      expect(name).toBe("vfs");
      expect(notice).toContain("lies where overlay cannot write");
    } finally {
      execFileSync("umount", [root ?? ""]);
    }
  });
});

/** An engine with each storage driver: containers run, and what they write is told, copied, committed, measured and removed alike. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Disk, type Engine, loopDisk, startFathom } from "../harness/mod.ts";

const withBtrfs = Bun.which("mkfs.btrfs") !== null;
if (!withBtrfs) console.log("skipped on btrfs: mkfs.btrfs is not there (Debian: btrfs-progs)");

describe.each(["vfs", ...(withBtrfs ? ["btrfs"] : [])])("with the storage driver %s", (driver) => {
  let engine: Engine;
  let disk: Disk | undefined;
  beforeAll(async () => {
    if (driver === "btrfs") disk = await loopDisk("btrfs", 256);
    engine = await startFathom(disk ? { dataRoot: join(disk.path, "data") } : { args: ["-s", driver] });
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await disk?.[Symbol.asyncDispose]();
  });
  const docker = (...args: string[]) => engine.output("docker", args);
  const NONE = ["--network", "none"];

  test("the engine says so, of itself, of images and of containers", async () => {
    expect(await docker("info", "-f", "{{.Driver}}")).toBe(driver);
    expect(await docker("inspect", "-f", "{{json .GraphDriver}}", "busybox")).toBe(
      `{"Data":null,"Name":"${driver}"}`,
    );
  });

  test("a container's writing is told, measured, copied, exported and committed", async () => {
    await docker("run", "--name", "writes", ...NONE, "busybox", "sh", "-c", "echo hello > /new; rm /bin/wc");
    expect((await docker("diff", "writes")).split("\n")).toEqual(["C /bin", "D /bin/wc", "A /new"]);
    expect(await docker("inspect", "-s", "-f", "{{.SizeRw}}", "writes")).toBe("6");
    expect(await docker("ps", "-as", "--format", "{{.Size}}")).toStartWith("6B");
    expect(await docker("cp", "writes:/new", `${engine.root}/copied`)).toBe("");
    expect(await docker("cp", `${engine.root}/copied`, "writes:/back")).toBe("");
    await docker("commit", "writes", "committed");
    const script = "cat /new /back; ls /bin/wc || echo gone";
    expect(await docker("run", "--rm", ...NONE, "committed", "sh", "-c", script)).toBe("hello\nhello\ngone");
    expect(await docker("system", "df", "--format", "{{.Type}} {{.TotalCount}}")).toContain("Containers 1");
  });

  test("what was written is there again after a crash of the engine and a start", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "lives",
      ...NONE,
      "busybox",
      "sh",
      "-c",
      "echo one >> /log; sleep 100",
    );
    await engine.kill();
    await engine.start();
    expect(await docker("exec", "lives", "cat", "/log")).toBe("one");
    await docker("rm", "-f", "lives");
  });

  test("nothing is left of containers and images that are removed", async () => {
    await docker("rm", "writes");
    await docker("rmi", "committed");
    expect(await readdir(join(engine.dataRoot, "containers"))).toEqual([]);
    expect((await engine.command("fathom", ["fsck", "--deep"])).status).toBe(0);
  });
});

/** Removing with a way back: plans, the trash, locks; and that what is removed for good gives its room back. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PrunePlan } from "../../src/spec/prune_plan.ts";
import type { Trash } from "../../src/spec/trash.ts";
import { type Engine, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterAll(() => engine[Symbol.asyncDispose]());

const fathom = (...args: string[]) => engine.output("fathom", args);
const trash = async (): Promise<Trash["Items"]> =>
  (JSON.parse(await fathom("trash", "ls", "--format", "json")) as Trash).Items;
const runOnce = (...args: string[]) => fathom("run", "--network", "none", ...args);

describe("a plan", () => {
  test("names what would go, its size and why, and is carried out but for what has changed since", async () => {
    await runOnce("--name", "ends", "busybox", "sh", "-c", "head -c 5000 /dev/zero > /x");
    await runOnce("--name", "again", "-v", "/anonymous", "busybox", "true");
    await fathom("volume", "create", "named");
    const file = join(engine.root, "plan");
    const table = await fathom("system", "prune", "-a", "--volumes", "--plan", "-o", file);
    expect(table).toMatch(/^TYPE +NAME +SIZE +WHY\ncontainer +\w{12} \(\w+\) +/);
    const plan = JSON.parse(await readFile(file, "utf8")) as PrunePlan;
    expect(plan.Items.map(({ Type, Names }) => `${Type} ${Type === "volume" ? "" : Names}`)).toEqual(
      expect.arrayContaining(["container ends", "container again", "volume ", "image busybox:latest"]),
    );
    expect(plan.Items).toHaveLength(4);
    expect(plan.Items.find(({ Names }) => Names.includes("ends"))).toMatchObject({ Bytes: 5000 });
    expect(await fathom("ps", "-aq")).not.toBe("");

    await fathom("start", "-a", "again");
    const told = await fathom("system", "prune", "--apply", file);
    expect(told).toMatch(/^removed container \w{12} \(ends\)$/m);
    expect(told).toMatch(/^skipped container \w{12} \(again\): it has run since the plan was made$/m);
    expect(told).toMatch(/^skipped volume \w{64}: .*volume is in use/m);
    expect(told).toMatch(/^skipped image \w{12} \(busybox:latest\): container \w{12} is made from it now$/m);
    expect(told).toContain("Total reclaimed space: 5kB");
    expect(await fathom("volume", "ls", "-q")).toContain("named");
    await fathom("rm", "-v", "again");
  });

  test("is of one kind with the prune of that kind, and then of no other", async () => {
    const file = join(engine.root, "kind");
    const planned = async () => (JSON.parse(await readFile(file, "utf8")) as PrunePlan).Items;
    await runOnce("--name", "planned", "busybox", "true");
    await fathom("container", "prune", "--plan", "--format", "json", "--output", file);
    expect((await planned()).map(({ Names }) => Names)).toEqual([["planned"]]);
    expect(await fathom("container", "prune", "--apply", file)).toStartWith("removed container ");
    expect(await fathom("container", "prune", "--apply", file)).toContain(": it is gone\n");

    await fathom("volume", "create", "labelled", "--label", "a=b");
    const labelled = ["--filter", "label=a"];
    await fathom("volume", "prune", "-a", "--plan", "--format", "json", "--output", file, ...labelled);
    expect((await planned()).map(({ ID, Rule }) => [ID, Rule])).toEqual([
      ["labelled", "named (--all), and no container that stays uses it"],
    ]);
    const wrong = await engine.command("fathom", ["image", "prune", "--apply", file]);
    expect(wrong.stderr).toContain("names a volume");
    expect(await fathom("volume", "prune", "--apply", file)).toStartWith("removed volume labelled\n");

    const json = await fathom("image", "prune", "-a", "--plan", "--format", "json", "-o", file);
    expect((JSON.parse(json) as PrunePlan).Items).toEqual(await planned());
    expect((await planned()).map(({ Names }) => Names)).toEqual([["busybox:latest"]]);
    expect(await fathom("system", "prune", "-a", "--plan", "--format", "json")).toContain("busybox:latest");
    expect(await fathom("trash", "ls", "-q")).toMatch(/^\w{12}$/);
  });

  test("of another engine is refused, and so is what is no plan", async () => {
    const file = join(engine.root, "other");
    const plan = { Version: 1, Engine: "other", CreatedAt: "", Items: [], Bytes: 0 };
    await writeFile(file, JSON.stringify(plan));
    const refused = await engine.command("fathom", ["system", "prune", "--apply", file]);
    expect(refused.stderr).toContain("the plan was made for engine other");
    await writeFile(file, "{}");
    const none = await engine.command("fathom", ["image", "prune", "--apply", file]);
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("is no plan")]);
  });
});

describe("what is removed", () => {
  test("comes back with its files and labels, by the docker command as well, and over a crash", async () => {
    await engine.output("docker", ["volume", "create", "--label", "k=v", "back"]);
    await runOnce("--rm", "-v", "back:/d", "busybox", "sh", "-c", "echo hello > /d/f");
    await engine.output("docker", ["volume", "rm", "back"]);
    await engine.kill();
    await engine.start();
    const [item] = (await trash()).filter(({ Names }) => Names.includes("back"));
    expect(item).toMatchObject({ Type: "volume", Reason: "volume rm", Bytes: 6 });
    expect(await fathom("trash", "restore", item?.ID ?? "")).toBe("restored volume back");
    expect(await runOnce("--rm", "-v", "back:/d", "busybox", "cat", "/d/f")).toBe("hello");
    expect(await fathom("volume", "inspect", "-f", "{{.Labels.k}}", "back")).toBe("v");
  });

  test("is an image with its tags too, when it was pruned", async () => {
    await fathom("tag", "busybox", "second:tag");
    const id = await fathom("images", "-q", "--no-trunc", "busybox");
    await engine.output("docker", ["image", "prune", "-af"]);
    expect(await fathom("images", "-q")).toBe("");
    const [item] = (await trash()).filter(({ Type }) => Type === "image");
    await fathom("trash", "restore", item?.ID ?? "");
    expect(await fathom("images", "-q", "--no-trunc", "second:tag")).toBe(id);
    expect(await runOnce("--rm", "busybox", "echo", "alive")).toBe("alive");
  });

  test("goes at once where it is an anonymous volume and its container goes", async () => {
    const before = (await trash()).length;
    await runOnce("--rm", "-v", "/anonymous", "busybox", "true");
    expect(await trash()).toHaveLength(before);
  });

  test("gives every byte back once the trash is empty", async () => {
    await fathom("trash", "empty", "-f");
    const used = async () => {
      const { stdout } = await run(["du", "-s", "--block-size=1", "--exclude=networks", engine.dataRoot]);
      return Number.parseInt(stdout, 10);
    };
    const before = await used();
    const archive = await run([
      "sh",
      "-c",
      `head -c 3000000 /dev/urandom > ${engine.root}/f && tar -C ${engine.root} -cf ${engine.root}/large.tar f`,
    ]);
    expect(archive.status).toBe(0);
    await fathom("import", join(engine.root, "large.tar"), "large");
    await runOnce("--name", "writes", "busybox", "sh", "-c", "head -c 2000000 /dev/urandom > /x");
    await fathom("volume", "create", "full");
    await runOnce("--rm", "-v", "full:/d", "busybox", "sh", "-c", "head -c 2000000 /dev/urandom > /d/x");
    expect((await used()) - before).toBeGreaterThan(9_000_000);
    await fathom("rm", "writes");
    await fathom("rmi", "large");
    await fathom("volume", "prune", "-f", "--filter", "all=true");
    await fathom("trash", "empty", "-f");
    // The directory of a trash that has been used stays.
    expect((await used()) - before).toBeLessThan(32_768);
    expect(await trash()).toEqual([]);
  });
});

describe("a locked volume", () => {
  test("is shown as such, and stays by rm, by rm -f, by a prune, and when its container goes", async () => {
    await runOnce("--name", "holds", "-v", "/anonymous", "busybox", "true");
    const name = await fathom("volume", "ls", "-q", "--filter", "dangling=false");
    await fathom("volume", "lock", name);
    await fathom("rm", "-v", "holds");
    await fathom("volume", "prune", "-af");
    await fathom("system", "prune", "-f", "--volumes");
    for (const args of [
      ["rm", name],
      ["rm", "-f", name],
    ]) {
      const { status, stderr } = await engine.command("docker", ["volume", ...args]);
      expect([status, stderr]).toEqual([1, expect.stringContaining("volume is locked")]);
    }
    expect(await fathom("volume", "ls")).toMatch(new RegExp(`^local +${name} +locked$`, "m"));
    await fathom("volume", "unlock", name);
    await fathom("volume", "rm", name);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Resources } from "../spec/oci_runtime.ts";
import { openCgroup } from "./cgroup.ts";

/** A group's directory as version 2 has it, in files without a kernel behind them. */
let root = "";
beforeEach(async () => {
  root = await mkdtemp("/tmp/fathom-test-cgroup2-");
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function recorded(files: readonly string[]): Promise<void> {
  await Bun.write(join(root, "fathom/x/cgroup.procs"), "");
  for (const file of files) await writeFile(join(root, "fathom/x", file), "");
}

function update(resources: Resources): void {
  using cgroup = openCgroup("/fathom/x", { version: 2, root });
  cgroup?.update(resources);
}

const content = (file: string) => readFile(join(root, "fathom/x", file), "latin1");

describe("an update of a group of version 2", () => {
  test("writes what is limited, and nothing else", async () => {
    await recorded(["memory.max", "memory.swap.max", "memory.low", "cpu.max", "pids.max", "io.bfq.weight"]);
    update({
      memory: { limit: 1000, swap: 3000 },
      cpu: { quota: 50_000, period: 100_000 },
      pids: { limit: -1 },
      blockIO: { weight: 200 },
      devices: [{ allow: false, access: "rwm" }],
    });
    expect(await content("memory.max")).toBe("1000");
    expect(await content("memory.swap.max")).toBe("2000");
    expect(await content("memory.low")).toBe("");
    expect(await content("cpu.max")).toBe("50000 100000");
    expect(await content("pids.max")).toBe("max");
    expect(await content("io.bfq.weight")).toBe("200");
  });

  test("weighs block I/O by io.weight where there is no BFQ", async () => {
    await recorded(["io.weight"]);
    update({ blockIO: { weight: 1000 } });
    expect(await content("io.weight")).toBe("10000");
  });

  test("takes a limit away that the kernel does not know, and says so of one that is wanted", async () => {
    await recorded(["memory.max"]);
    update({ memory: { limit: 1000, swap: -1 } });
    expect(await content("memory.max")).toBe("1000");
    const refused = () => update({ memory: { limit: 1000, swap: 2000 } });
    expect(refused).toThrow("cannot limit swap: this host's kernel has no memory.swap.max");
    expect(() => update({ blockIO: { weight: 10 } })).toThrow("has no io.weight");
  });

  test("finds no group that is gone", () => {
    expect(openCgroup("/fathom/gone", { version: 2, root })).toBeUndefined();
  });
});

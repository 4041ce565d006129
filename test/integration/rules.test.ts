/** The engine's rules beside others', each engine in a network namespace of its own: the host's rules are never touched. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

const HOST = `fathom-test-rules-${process.pid}`;
let engine: Engine;
beforeAll(async () => {
  await run(["ip", "netns", "add", HOST]);
  engine = await startFathom({ network: HOST });
});
afterEach(() => engine.removeContainers());
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await run(["ip", "netns", "del", HOST]);
});

const fathom = (...args: string[]) => engine.output("fathom", args);

/** Runs a program in the engine's network namespace. */
async function there(...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(["nsenter", `--net=/run/netns/${HOST}`, ...command]);
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

const ownTable = async () =>
  (await there("nft", "list", "ruleset")).replaceAll(/counter packets \d+ bytes \d+/g, "");

/** Milliseconds until the rules are again what they were. */
async function untilBack(rules: string): Promise<number> {
  const start = performance.now();
  await eventually("the engine's rules", async () => (await ownTable()) === rules);
  return performance.now() - start;
}

describe("rules that somebody takes away", () => {
  test("are back after a flush of all rules, after a removal of the table, and of a part of it", async () => {
    await fathom("run", "-d", "--name", "one", "busybox", "sleep", "1000");
    const rules = await ownTable();
    const [, table = ""] = /^table inet (fathom-\w+)/.exec(rules) ?? [];
    expect(table).not.toBe("");
    for (const command of [
      ["flush", "ruleset"],
      ["delete", "table", "inet", table],
      ["flush", "chain", "inet", table, "forward"],
      ["delete", "chain", "inet", table, "postrouting"],
    ]) {
      if (command[1] === "chain" && command[0] === "delete")
        await there("nft", "flush", "chain", "inet", table, "postrouting");
      await there("nft", ...command);
      await untilBack(rules);
    }
    expect(await engine.log()).toContain("they are back");
  });

  test("while no engine runs are back when one does", async () => {
    await fathom("run", "-d", "--name", "one", "busybox", "sleep", "1000");
    const rules = await ownTable();
    await engine.kill();
    await there("nft", "flush", "ruleset");
    expect(await ownTable()).toBe("");
    await engine.start();
    await untilBack(rules);
    expect(rules).toContain("masquerade");
  });
});

/** The engine's rules beside others', on a host of the test's own: this host's rules are never touched. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";
import { makeHost, type TestHost } from "./_hosts.ts";

let host: TestHost;
let engine: Engine;
beforeAll(async () => {
  host = await makeHost("rules");
  engine = await startFathom({ network: host.name });
});
afterEach(() => engine.removeContainers());
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const fathom = (...args: string[]) => engine.output("fathom", args);
const ruleset = async () =>
  (await host.there("nft", "list", "ruleset")).replaceAll(/counter packets \d+ bytes \d+/g, "");
const until = (what: string, is: () => Promise<boolean>) => eventually(what, is, 5000);

describe("rules that somebody takes away", () => {
  test("are back after a flush of all rules, after a removal of the table, and of a part of it", async () => {
    await fathom("run", "-d", "busybox", "sleep", "1000");
    const rules = await ruleset();
    const [, table = ""] = /^table inet (fathom-\w+)/.exec(rules) ?? [];
    expect(table).not.toBe("");
    for (const commands of [
      "flush ruleset",
      `delete table inet ${table}`,
      `flush chain inet ${table} forward`,
      `flush chain inet ${table} postrouting; delete chain inet ${table} postrouting`,
    ]) {
      await host.there("nft", commands);
      await until("the engine's rules", async () => (await ruleset()) === rules);
    }
    expect(await engine.log()).toContain("they are back");
  });

  test("while no engine runs are back when one does", async () => {
    await fathom("run", "-d", "busybox", "sleep", "1000");
    const rules = await ruleset();
    await engine.kill();
    await host.there("nft", "flush", "ruleset");
    expect(await ruleset()).toBe("");
    await engine.start();
    await until("the engine's rules", async () => (await ruleset()) === rules);
    expect(rules).toContain("masquerade");
  });
});

describe("another's chain that drops what is forwarded", () => {
  afterEach(() => host.there("nft", "flush", "ruleset"));
  const PORT = 7001;
  const reach = (name: string) =>
    engine.command("fathom", ["exec", name, "nc", "-w", "2", host.outside, String(PORT)]);
  const start = () => fathom("run", "-d", "--name", "one", "busybox", "sleep", "1000");
  const warnings = () => fathom("info", "-f", '{{join .Warnings "\\n"}}');
  const iptables = (...args: string[]) => host.there("iptables-nft", ...args);

  test("by the policy of iptables' FORWARD lets containers pass, who would not without", async () => {
    using _ = await host.serveBeyond(PORT);
    await iptables("-P", "FORWARD", "DROP");
    await start();
    expect((await reach("one")).stdout).toBe(host.address);
    await host.there("nft", "flush", "chain", "ip", "filter", "FORWARD");
    await until("the way out", async () => (await reach("one")).stdout === host.address);
  });

  test("by a policy that comes later, and goes", async () => {
    using _ = await host.serveBeyond(PORT);
    await start();
    await iptables("-P", "FORWARD", "DROP");
    await until("the way out", async () => (await reach("one")).stdout === host.address);
    const forward = await iptables("-S", "FORWARD");
    expect(forward).toMatch(/^-A FORWARD -j FATHOM-[0-9A-F]{8}$/m);
    await iptables("-P", "FORWARD", "ACCEPT");
    await until("the chain's end", async () => !(await iptables("-S")).includes("FATHOM"));
  });

  test("by a rule of a user's stays in force, and is told with a command that helps", async () => {
    using _ = await host.serveBeyond(PORT);
    await iptables("-A", "FORWARD", "-j", "REJECT");
    await start();
    expect((await reach("one")).stdout).toBe("");
    const [, commands = ""] = /let it pass: (.*)$/m.exec(await warnings()) ?? [];
    expect(commands).toMatch(/^iptables -I FORWARD -i fathom-\w+ -j ACCEPT; iptables -I FORWARD -o/);
    await host.there("sh", "-ec", commands);
    expect((await reach("one")).stdout).toBe(host.address);
    await until("no warning", async () => !(await warnings()).includes("let it pass"));
  });

  test("by the policy of iptables' old tables is told with a command that helps", async () => {
    using _ = await host.serveBeyond(PORT);
    await start();
    await host.there("iptables-legacy", "-P", "FORWARD", "DROP");
    try {
      await iptables("-P", "INPUT", "ACCEPT");
      await until("the warning", async () => (await warnings()).includes("iptables-legacy -I FORWARD -i"));
      expect((await reach("one")).stdout).toBe("");
      const [, commands = ""] = /let it pass: (.*)$/m.exec(await warnings()) ?? [];
      await host.there("sh", "-ec", commands);
      expect((await reach("one")).stdout).toBe(host.address);
    } finally {
      await host.there("sh", "-c", "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD");
    }
  });

  test("in a table of nftables is told with a command that helps", async () => {
    using _ = await host.serveBeyond(PORT);
    await host.there(
      "nft",
      "table inet mine { chain pass { type filter hook forward priority 0; policy drop; }; }",
    );
    await start();
    expect((await reach("one")).stdout).toBe("");
    expect((await engine.command("fathom", ["doctor"])).stdout).toContain("let it pass: nft insert rule");
    const [, commands = ""] = /let it pass: (.*)$/m.exec(await warnings()) ?? [];
    expect(commands).toStartWith("nft insert rule inet mine pass iifname ");
    await host.there("sh", "-ec", commands);
    expect((await reach("one")).stdout).toBe(host.address);
    expect(await engine.log()).toContain("let it pass: nft insert rule inet mine pass");
  });
});

/** `fathom network reach` against what real packets do, and the warning of a port that the host's firewall would keep shut. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Reach } from "../../src/spec/reach.ts";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";
import { makeHost, type TestHost } from "./_hosts.ts";

let host: TestHost;
let engine: Engine;
beforeAll(async () => {
  host = await makeHost("reach");
  engine = await startFathom({ network: host.name });
});
afterEach(async () => {
  await engine.removeContainers();
  await host.there("sh", "-c", "nft delete table ip filter 2>/dev/null; true");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

const fathom = (...args: string[]) => engine.output("fathom", args);
const SERVER = "while true; do echo served | nc -l -p 80; done & httpd -f -p 127.0.0.1:81";

async function reachOf(name: string): Promise<Reach> {
  return JSON.parse(await fathom("network", "reach", "--format", "json", name));
}

/** The ways to a port, as `origin at: yes`. */
async function waysTo(port: number): Promise<string[]> {
  const { Ports } = await reachOf("web");
  const ways = Ports.find((one) => one.Port === port)?.Ways ?? [];
  return ways.map(({ From, At, Reachable }) => `${From} ${At}: ${Reachable ? "yes" : "no"}`);
}

const connects = async (where: "outside" | "host", address: string, port: number) =>
  (await host.got(where, address, port)) === "served";

describe("what is told of a container", () => {
  test("is what packets meet: published, at its own address, from the host, and from outside", async () => {
    await fathom("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", SERVER);
    const address = await fathom("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web");
    await eventually("the listeners", async () => (await reachOf("web")).Ports.length === 2);
    expect(await waysTo(80)).toEqual([
      expect.stringMatching(/^container (0\.0\.0\.0|\[::\]):80: yes$/),
      `neighbours ${address}:80: yes`,
      `host ${address}:80: yes`,
      `other networks ${address}:80: no`,
      `outside ${address}:80: no`,
      "host 0.0.0.0:8080: yes",
      "outside 0.0.0.0:8080: yes",
      "host [::]:8080: yes",
      "outside [::]:8080: yes",
    ]);
    expect(await connects("outside", host.address, 8080)).toBe(true);
    expect(await connects("outside", address, 80)).toBe(false);
    expect(await connects("host", address, 80)).toBe(true);
    const { Ports } = await reachOf("web");
    const direct = Ports[0]?.Ways.find(({ From, Reachable }) => From === "outside" && !Reachable);
    expect(direct?.By).toMatchObject({ Family: "inet", Chain: "forward" });
    const listed = await host.there("nft", "-a", "list", "chain", "inet", direct?.By?.Table ?? "", "forward");
    expect(listed).toMatch(new RegExp(`drop # handle ${direct?.By?.Handle}$`, "m"));
    expect((await waysTo(81)).filter((way) => way.endsWith("yes"))).toEqual(["container 127.0.0.1:81: yes"]);
    const loopback = Ports.find(({ Port }) => Port === 81)?.Ways.find(({ From }) => From === "neighbours");
    expect(loopback?.Why).toContain("listens at 127.0.0.1 only");
  });

  test("names another's rule that stops it, and says so in lines", async () => {
    await fathom("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", SERVER);
    await host.there("iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "DROP");
    await eventually("the listeners", async () => (await reachOf("web")).Ports.length === 2);
    expect(await waysTo(80)).toContain("outside 0.0.0.0:8080: no");
    expect(await connects("outside", host.address, 8080)).toBe(false);
    expect(await fathom("network", "reach", "web")).toMatch(
      /outside +0\.0\.0\.0:8080 +no +rule \d+ of chain FORWARD in table ip filter drops it/,
    );
  });

  test("says what holds for one that does not run, is on the host's network, or on none", async () => {
    await fathom("create", "--name", "idle", "busybox", "true");
    await fathom("run", "-d", "--name", "alone", "--network", "none", "busybox", "sleep", "1000");
    await fathom("run", "-d", "--name", "guest", "--network", "host", "busybox", "sleep", "1000");
    const notes = async (name: string) => (await reachOf(name)).Notes.join();
    expect(await notes("idle")).toContain("does not run");
    expect(await notes("alone")).toContain("only its own programs reach it");
    expect(await notes("guest")).toContain("on the host's network");
  });
});

test("of a container on the host's network the host's rules for itself decide, of both families", async () => {
  // Of the host's own programs nothing is told.
  const server = "while true; do echo served | nc -l -p 8095; done";
  await fathom("run", "-d", "--name", "web", "--network", "host", "busybox", "sh", "-c", server);
  await eventually("the listener", async () => (await reachOf("web")).Ports.length === 1);
  expect(await waysTo(8095)).toEqual([
    "host [::]:8095: yes",
    "outside [::]:8095: yes",
    "outside 0.0.0.0:8095: yes",
  ]);
  await host.there("iptables-nft", "-A", "INPUT", "-p", "tcp", "--dport", "8095", "-j", "DROP");
  await eventually("the listener", async () => (await reachOf("web")).Ports.length === 1);
  expect(await waysTo(8095)).toEqual([
    "host [::]:8095: yes",
    "outside [::]:8095: yes",
    "outside 0.0.0.0:8095: no",
  ]);
  expect(await connects("outside", host.address, 8095)).toBe(false);
  await eventually("what IPv6 gets", () => connects("outside", host.address6, 8095));
  expect(await fathom("network", "reach", "web")).toMatch(/outside +0\.0\.0\.0:8095 +no .*chain INPUT/);
});

describe("by IPv6", () => {
  afterEach(() => host.there("sh", "-c", "nft delete table ip6 filter 2>/dev/null; true"));

  test("another's rule that stops it is named, and packets meet it", async () => {
    await fathom("network", "create", "--ipv6", "--subnet", "fd00:36::/64", "six");
    const run = ["run", "-d", "--name", "web", "--network", "six", "-p", "8096:80"];
    await fathom(...run, "busybox", "sh", "-c", SERVER);
    await eventually("the published port", () => connects("outside", host.address6, 8096));
    await eventually("the listener", async () => (await waysTo(80)).includes("outside [::]:8096: yes"));
    await host.there("ip6tables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "DROP");
    await eventually("the rule", async () => (await waysTo(80)).includes("outside [::]:8096: no"));
    expect(await connects("outside", host.address6, 8096)).toBe(false);
    await fathom("rm", "-f", "web");
    await fathom("network", "rm", "six");
  });
});

test("who publishes a port to the world that the host's firewall keeps shut is warned", async () => {
  const run = async (port: string) =>
    (await engine.command("fathom", ["run", "-d", "-p", port, "busybox", "sleep", "1000"])).stderr;
  expect(await run("8090:80")).toBe("");
  await host.there("iptables-nft", "-P", "INPUT", "DROP");
  await host.there("iptables-nft", "-A", "INPUT", "-p", "tcp", "--dport", "8091", "-j", "ACCEPT");
  expect(await run("8091:80")).toBe("");
  expect(await run("127.0.0.1:8092:80")).toBe("");
  expect(await run("8093:80")).toContain(
    "Port 8093/tcp is published to the world, though the host's firewall keeps the world out (chain INPUT of table ip filter, by its policy)",
  );
});

/** Networks of one's own on the real kernel: what is on the host, crashes, links of the host, what is in the way. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

const POOL = "base=10.32.64.0/18,size=24";
let engine: Engine;
beforeAll(async () => {
  engine = await startFathom({ args: ["--default-address-pool", POOL] });
});
afterEach(async () => {
  await engine.removeContainers();
  await engine.request("POST", "/networks/prune");
});
afterAll(() => engine[Symbol.asyncDispose]());

const fathom = (...args: string[]) => engine.output("fathom", args);
const started = (name: string, ...args: string[]) =>
  fathom("run", "-d", "--name", name, ...args, "busybox", "sleep", "100");
const addressOn = (network: string, name: string) =>
  fathom("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
const links = () => readdir("/sys/class/net");
const bridgeOf = async (network: string) =>
  `br-${(await fathom("network", "inspect", "-f", "{{.Id}}", network)).slice(0, 12)}`;
const names = async () => (await fathom("network", "ls", "--format", "{{.Name}}")).split("\n").sort();
const pings = async (from: string, to: string) =>
  (await engine.command("fathom", ["exec", from, "ping", "-c1", "-W1", to])).status === 0;
const ip = async (...args: string[]) => {
  const { status, stderr } = await run(["ip", ...args]);
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
};

test("the bridge is there from creation on, and goes by rm and prune", async () => {
  for (const take of [
    ["network", "rm", "seen"],
    ["network", "prune", "-f"],
  ]) {
    await fathom("network", "create", "seen");
    const bridge = await bridgeOf("seen");
    expect(await links()).toContain(bridge);
    await fathom(...take);
    expect(await links()).not.toContain(bridge);
  }
});

test("a network outlives a killed engine with its containers, and is made again after a boot", async () => {
  await fathom("network", "create", "--ipv6", "lasting");
  const bridge = await bridgeOf("lasting");
  await started("stays", "--network", "lasting");
  const address = await addressOn("lasting", "stays");
  await engine.kill();
  await engine.start();
  expect(await addressOn("lasting", "stays")).toBe(address);
  await started("next", "--network", "lasting");
  expect(await addressOn("lasting", "next")).not.toBe(address);
  expect(await pings("next", address)).toBe(true);
  await engine.removeContainers();
  await engine.stop();
  expect(await links()).not.toContain(bridge);
  // A boot takes all that is not on disk.
  await rm(engine.execRoot, { recursive: true });
  await engine.start();
  await started("again", "--network", "lasting");
  expect(await links()).toContain(bridge);
  expect(await addressOn("lasting", "again")).toBe(address);
});

test("an engine that is killed while networks are made has each whole or not at all", async () => {
  for (const milliseconds of [1, 4, 9]) {
    const made = ["one", "two", "three"].map((name) =>
      engine.request("POST", "/networks/create", { Name: `${name}-${milliseconds}` }).catch(() => undefined),
    );
    await Bun.sleep(milliseconds);
    await engine.kill();
    await Promise.all(made);
    await engine.start();
  }
  const left = (await names()).filter((name) => !["bridge", "host", "none"].includes(name));
  for (const name of left) {
    expect(await fathom("run", "--rm", "--network", name, "busybox", "ip", "route")).toContain("default via");
    await fathom("network", "rm", name);
  }
  expect(await readdir(join(engine.dataRoot, "networks"))).toHaveLength(3);
});

test("a container that is connected when its engine is killed has its networks again when it starts", async () => {
  await fathom("network", "create", "--subnet", "10.32.40.0/24", "second");
  await started("both");
  await fathom("network", "connect", "--ip", "10.32.40.9", "second", "both");
  await engine.kill();
  await engine.start();
  expect(await addressOn("second", "both")).toBe("10.32.40.9");
  await fathom("restart", "-t", "0", "both");
  expect(await addressOn("second", "both")).toBe("10.32.40.9");
  expect(await fathom("exec", "both", "ip", "addr", "show", "eth1")).toContain("inet 10.32.40.9/24");
});

test("a subnet that this host has a way to by any table of routes is not chosen", async () => {
  const table = String(7_320_000 + (process.pid % 1000));
  await ip("route", "add", "blackhole", "10.32.64.0/24", "table", table);
  try {
    await fathom("network", "create", "beside");
    const subnet = await fathom("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "beside");
    expect(subnet).toMatch(/^10\.32\.\d+\.0\/24$/);
    expect(subnet).not.toBe("10.32.64.0/24");
  } finally {
    await ip("route", "flush", "table", table);
  }
});

test("another container with the same address and another MAC is reached at once", async () => {
  const addresses = ["10.32.41.50", "fd00:32:41::50"] as const;
  const subnets = ["--subnet", "10.32.41.0/24", "--ipv6", "--subnet", "fd00:32:41::/64"];
  await fathom("network", "create", ...subnets, "moving");
  await started("asks", "--network", "moving");
  const fixed = ["--network", "moving", "--ip", addresses[0], "--ip6", addresses[1]];
  for (const mac of [["--mac-address", "02:00:00:00:32:01"], ["--mac-address", "02:00:00:00:32:02"], []]) {
    await started("holder", ...fixed, ...mac);
    for (const address of addresses) {
      expect([mac, address, await pings("asks", address)]).toEqual([mac, address, true]);
      expect((await run(["busybox", "ping", "-c1", "-W1", address])).status).toBe(0);
    }
    await fathom("rm", "-f", "holder");
  }
});

describe("links of the host", () => {
  const OUTSIDE = `fathom-test-nets-${process.pid}`;
  const PARENT = `fmp${process.pid}`;
  beforeAll(async () => {
    await ip("netns", "add", OUTSIDE);
    await ip("link", "add", PARENT, "type", "veth", "peer", "name", "out0", "netns", OUTSIDE);
    await ip("link", "set", PARENT, "up");
    await ip("-n", OUTSIDE, "addr", "add", "10.32.50.1/24", "dev", "out0");
    await ip("-n", OUTSIDE, "link", "set", "out0", "up");
  });
  afterAll(async () => {
    await ip("link", "del", PARENT);
    await ip("netns", "del", OUTSIDE);
  });
  const onParent = (...args: string[]) =>
    fathom("network", "create", "-d", "macvlan", "-o", `parent=${PARENT}`, ...args);
  const subnet = ["--subnet", "10.32.50.0/24", "--gateway", "10.32.50.1"];

  test("a container on a macvlan network is in the parent's network itself", async () => {
    await onParent(...subnet, "outer");
    await started("one", "--network", "outer");
    await started("two", "--network", "outer");
    expect(await pings("one", "10.32.50.1")).toBe(true);
    expect(await pings("one", await addressOn("outer", "two"))).toBe(true);
    await fathom("network", "disconnect", "outer", "one");
    expect(await fathom("exec", "one", "ip", "-o", "link")).not.toContain("eth0");
    await fathom("network", "connect", "outer", "one");
    expect(await pings("one", "10.32.50.1")).toBe(true);
    await fathom("rm", "-f", "one", "two");
    await fathom("network", "rm", "outer");
    expect(await links()).toContain(PARENT);
  });

  test("its mode says whom it reaches there", async () => {
    for (const [mode, reaches] of [
      ["private", false],
      ["vepa", false],
      ["bridge", true],
    ] as const) {
      await onParent(...subnet, "-o", `macvlan_mode=${mode}`, "outer");
      await started("one", "--network", "outer");
      await started("two", "--network", "outer");
      expect([mode, await pings("one", "10.32.50.1")]).toEqual([mode, true]);
      expect([mode, await pings("one", await addressOn("outer", "two"))]).toEqual([mode, reaches]);
      await fathom("rm", "-f", "one", "two");
      await fathom("network", "rm", "outer");
    }
    await onParent(...subnet, "-o", "macvlan_mode=passthru", "whole");
    await started("alone", "--network", "whole");
    expect(await pings("alone", "10.32.50.1")).toBe(true);
    const second = await engine.command("fathom", [
      ...["network", "create", "-d", "macvlan", "-o", `parent=${PARENT}`, "also"],
    ]);
    expect(second.stderr).toContain(`network whole is already using parent interface ${PARENT}`);
  });

  test("what cannot be made is refused by a sentence, and nothing is left of it", async () => {
    const before = await names();
    const refused = async (...args: string[]) => {
      const { status, stderr } = await engine.command("fathom", ["network", "create", ...args, "bad"]);
      expect(status).not.toBe(0);
      return stderr;
    };
    const macvlan = (parent: string) => refused("-d", "macvlan", "-o", `parent=${parent}`);
    expect(await macvlan("lo")).toContain("loopback interface is not a valid macvlan parent link");
    expect(await macvlan("nowhere0")).toContain("the parent interface nowhere0 was not found on this host");
    expect(await macvlan("nowhere0.10")).toContain("the parent interface nowhere0 of nowhere0.10");
    expect(await refused("-d", "macvlan", "-o", "macvlan_mode=odd")).toContain("mode 'odd' is not valid");
    expect(await refused("-o", `com.docker.network.bridge.name=${PARENT}`)).toContain(
      `the interface ${PARENT} exists on this host and is not a bridge`,
    );
    expect(await names()).toEqual(before);
    expect(await readdir(join(engine.dataRoot, "networks"))).toHaveLength(3);
    expect(await links()).toContain(PARENT);
  });

  const lacks = async (kind: string, ...args: string[]) => {
    const probe = ["link", "add", "link", PARENT, "name", "fmprobe", "type", kind, ...args];
    if ((await run(["ip", ...probe])).status !== 0) return true;
    await ip("link", "del", "fmprobe");
    return false;
  };

  test("a module that the kernel lacks is named", async () => {
    if (await lacks("vlan", "id", "10")) {
      const vlan = ["network", "create", "-d", "macvlan", "-o", `parent=${PARENT}.10`, "tagged"];
      const { stderr } = await engine.command("fathom", vlan);
      expect(stderr).toContain("kernel has no 8021q: load it (modprobe 8021q)");
    }
    if (await lacks("ipvlan")) {
      await fathom("network", "create", "-d", "ipvlan", "-o", `parent=${PARENT}`, ...subnet, "shared");
      const { status, stderr } = await engine.command("fathom", [
        ...["run", "--rm", "--network", "shared", "busybox", "true"],
      ]);
      expect([status, stderr]).toEqual([125, expect.stringContaining("kernel has no ipvlan: load it")]);
      await eventually(
        "nothing kept",
        async () => (await readdir(join(engine.execRoot, "netns"))).length === 0,
      );
    }
  });
});

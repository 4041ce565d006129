/** The default bridge with IPv6: the daemon's --ipv6 and --fixed-cidr-v6, and the same in daemon.json. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

const BIP = ["--bip", "10.32.7.1/24"];
const IPV6 = await run(["cat", "/proc/sys/net/ipv6/conf/all/disable_ipv6"]);
const isOff = IPV6.stdout.trim() !== "0";
if (isOff) console.log("skipped: this host has no IPv6");

const configuration = (engine: Engine) =>
  engine.output("fathom", ["network", "inspect", "-f", "{{.EnableIPv6}} {{json .IPAM.Config}}", "bridge"]);

describe.skipIf(isOff)("with --ipv6 and --fixed-cidr-v6", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startFathom({ args: [...BIP, "--ipv6", "--fixed-cidr-v6", "fd00:32:7::/64"] });
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  const fathom = (...args: string[]) => engine.output("fathom", args);

  test("the network shows both subnets with their gateways, and a container its addresses in both", async () => {
    expect(await configuration(engine)).toBe(
      `true ${JSON.stringify([
        { Subnet: "10.32.7.0/24", Gateway: "10.32.7.1" },
        { Subnet: "fd00:32:7::/64", Gateway: "fd00:32:7::1" },
      ])}`,
    );
    await fathom("run", "-d", "--name", "one", "busybox", "sleep", "100");
    const settings = JSON.parse(await fathom("inspect", "-f", "{{json .NetworkSettings}}", "one"));
    const expected = {
      GlobalIPv6Address: "fd00:32:7::2",
      GlobalIPv6PrefixLen: 64,
      IPv6Gateway: "fd00:32:7::1",
    };
    expect(settings).toMatchObject(expected);
    expect(settings.Networks.bridge).toMatchObject(expected);
    expect(await fathom("exec", "one", "cat", "/etc/hosts")).toMatch(/^fd00:32:7::2\s/m);
    expect(await fathom("exec", "one", "ip", "-6", "route")).toContain("default via fd00:32:7::1 dev eth0");
    await fathom("run", "--rm", "busybox", "ping", "-c1", "-W2", "fd00:32:7::2");
    await fathom("exec", "one", "ping", "-c1", "-W2", "fd00:32:7::1");
  });

  test("a published port is reached by IPv6 at the container's own address", async () => {
    const serve = "mkdir /w; echo six > /w/index.html; httpd -f -h /w";
    await fathom("run", "-d", "--name", "web", "-p", "17321:80", "busybox", "sh", "-c", serve);
    await eventually("the answer", async () => {
      const { stdout } = await run(["curl", "-gsm2", "http://[::1]:17321/"]);
      return stdout === "six\n";
    });
    expect(await fathom("port", "web")).toBe("80/tcp -> 0.0.0.0:17321\n80/tcp -> [::]:17321");
  });
});

describe.skipIf(isOff)("with ipv6 in daemon.json", () => {
  test("a network of IPv6 is chosen, kept over restarts, and there no more where it is not asked for", async () => {
    const directory = await mkdtemp("/tmp/fathom-test-ipv6-");
    try {
      const file = join(directory, "daemon.json");
      await writeFile(file, JSON.stringify({ ipv6: true }));
      await using engine = await startFathom({ args: [...BIP, "--config-file", file] });
      const before = await configuration(engine);
      expect(before).toMatch(/^true .*"fd[\da-f:]+::\/64"/);
      await engine.output("fathom", ["run", "--rm", "busybox", "true"]);
      await engine.stop();
      await engine.start();
      expect(await configuration(engine)).toBe(before);
      await engine.stop();
      await writeFile(file, JSON.stringify({ ipv6: false }));
      await engine.start();
      expect(await configuration(engine)).not.toContain("fd");
      const shown = await engine.output("fathom", [
        "run",
        "--rm",
        "busybox",
        "ip",
        "-6",
        "addr",
        "show",
        "eth0",
      ]);
      expect(shown).toBe("");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

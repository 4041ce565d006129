/**
 * What an engine's rules are to bring about, whichever backend keeps them: described once, for a test file of each.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";
import { makeHost, type TestHost } from "./_hosts.ts";

const SERVER = "while true; do echo served | nc -l -p 80; done";
const PORT = 7002;

/** A directory with the programs of iptables by their usual names, all of one kind. */
async function programsOf(kind: string): Promise<string> {
  const directory = await mkdtemp("/tmp/fathom-test-");
  for (const family of ["iptables", "ip6tables"])
    for (const verb of ["", "-save", "-restore"])
      await symlink(`/usr/sbin/xtables-${kind}-multi`, join(directory, `${family}${verb}`));
  return directory;
}

/**
 * Describes the behaviour on a host of the test's own.
 * @param kind of the programs of iptables; undefined for nftables
 */
export function describeRules(kind: "legacy" | "nft" | undefined): void {
  describe(`with rules kept by ${kind === undefined ? "nftables" : `iptables-${kind}`}`, () => {
    let host: TestHost;
    let engine: Engine;
    let programs: string | undefined;
    let beyond: Disposable;
    beforeAll(async () => {
      host = await makeHost(`keep-${kind ?? "nf"}`);
      programs = kind && (await programsOf(kind));
      engine = await startFathom({
        network: host.name,
        args: [`--firewall-backend=${kind === undefined ? "nftables" : "iptables"}`, "--bip", "10.35.0.1/24"],
        behind: programs === undefined ? [] : ["env", `PATH=${programs}:${process.env.PATH}`],
      });
      beyond = await host.serveBeyond(PORT);
    });
    afterEach(() => engine.removeContainers());
    afterAll(async () => {
      beyond[Symbol.dispose]();
      await engine[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      if (programs !== undefined) await rm(programs, { recursive: true });
    });

    const fathom = (...words: string[]) => engine.output("fathom", words);
    const web = (container: string, ...flags: string[]) =>
      fathom("run", "-d", "--name", container, ...flags, "busybox", "sh", "-c", SERVER);
    const addressOf = (container: string) =>
      fathom("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container);
    /** What a container gets of an address: text, or nothing. */
    const asked = async (container: string, address: string, port = 80) =>
      (
        await engine.command("fathom", ["exec", container, "nc", "-w", "1", address, String(port)])
      ).stdout.trim();
    const served = (where: "outside" | "host", address: string, port: number) =>
      eventually(
        `what is served at ${address}:${port}`,
        async () => (await host.got(where, address, port)) === "served",
        5000,
      );
    const rules = async () =>
      kind === undefined
        ? host.there("nft", "list", "ruleset")
        : (await host.there(`iptables-${kind}-save`)) + (await host.there(`ip6tables-${kind}-save`));
    const flush = async () => {
      if (kind !== "legacy") return host.there("nft", "flush", "ruleset");
      const script = ["iptables-legacy", "ip6tables-legacy"].flatMap((program) =>
        ["raw", "nat", "filter"].map((table) => `${program} -t ${table} -F; ${program} -t ${table} -X`),
      );
      return host.there("sh", "-c", script.join("; "));
    };

    test("a published port is reached from outside, the host, by localhost, and by its own container", async () => {
      await web("web", "-p", "8080:80", "-p", "9000-9003:9000-9003");
      await served("outside", host.address, 8080);
      await served("host", host.address, 8080);
      await served("host", "127.0.0.1", 8080);
      await served("host", "10.35.0.1", 8080);
      expect(await asked("web", host.address, 8080)).toBe("served");
      expect(await host.got("outside", host.address, 8081)).toBe("refused");
    });

    test("by IPv6 too, to a container with an address of it and to one without", async () => {
      await fathom("network", "create", "--ipv6", "--subnet", "fd00:35::/64", "six");
      await web("web", "--network", "six", "-p", "8080:80");
      await web("old", "-p", "8085:80");
      for (const port of [8080, 8085]) {
        // The server of these containers speaks IPv4 and IPv6.
        await served("outside", host.address6, port);
        await served("host", "::1", port);
      }
      await fathom("rm", "-f", "web");
      await fathom("network", "rm", "six");
    });

    test("what is published at localhost is not reached from outside", async () => {
      await web("web", "-p", "127.0.0.1:8080:80");
      await served("host", "127.0.0.1", 8080);
      expect(await host.got("outside", host.address, 8080)).toBe("refused");
      await host.beyond("ip", "route", "add", "127.0.0.0/8", "via", host.address);
      expect(await host.got("outside", "127.0.0.1", 8080)).not.toBe("served");
    });

    test("a container reaches the outside under the host's address", async () => {
      await web("web");
      expect(await asked("web", host.outside, PORT)).toBe(host.address);
    });

    test("what is not published is not reached from outside, nor from other networks", async () => {
      await fathom("network", "create", "other");
      await web("web");
      await web("far", "--network", "other");
      const address = await addressOf("web");
      await served("host", address, 80);
      await web("near");
      expect(await asked("near", address)).toBe("served");
      expect(await asked("far", address)).toBe("");
      await host.beyond("ip", "route", "replace", "10.35.0.0/24", "via", host.address);
      expect(await host.got("outside", address, 80)).toBe("nothing");
      await fathom("rm", "-f", "far");
      await fathom("network", "rm", "other");
    });

    test("containers of a network without icc do not reach each other", async () => {
      await fathom("network", "create", "-o", "com.docker.network.bridge.enable_icc=false", "apart");
      await web("one", "--network", "apart");
      await web("two", "--network", "apart");
      const address = await addressOf("one");
      await served("host", address, 80);
      expect(await asked("two", address)).toBe("");
      expect(await asked("two", host.outside, PORT)).toBe(host.address);
      await fathom("rm", "-f", "one", "two");
      await fathom("network", "rm", "apart");
    });

    test("an internal network leads nowhere else, even from within by the way through the host", async () => {
      await fathom("network", "create", "--internal", "inner");
      await web("one", "--network", "inner");
      await web("two", "--network", "inner");
      const address = await addressOf("one");
      await eventually("the neighbour", async () => (await asked("two", address)) === "served", 5000);
      const key = await fathom("inspect", "-f", "{{.NetworkSettings.SandboxKey}}", "two");
      const gateway = await fathom("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "inner");
      await host.there("nsenter", `--net=${key}`, "ip", "route", "add", "default", "via", gateway);
      expect(await asked("two", host.outside, PORT)).toBe("");
      await fathom("rm", "-f", "one", "two");
      await fathom("network", "rm", "inner");
    });

    test("a service at the host's loopback is not reached by way of the bridge", async () => {
      await web("web", "-p", "8080:80");
      await served("host", "127.0.0.1", 8080);
      const server = Bun.spawn(
        [
          "nsenter",
          `--net=/run/netns/${host.name}`,
          "python3",
          "-c",
          "import socket\ns=socket.create_server(('127.0.0.1',7777))\nprint(1,flush=True)\nwhile 1:\n  c,_=s.accept();c.send(b'secret');c.close()",
        ],
        { stdout: "pipe" },
      );
      try {
        await server.stdout.getReader().read();
        expect(await host.got("host", "127.0.0.1", 7777)).toBe("secret");
        const key = await fathom("inspect", "-f", "{{.NetworkSettings.SandboxKey}}", "web");
        // As root of its network a container may send to 127.0.0.1 by its link: CVE-2020-8558.
        const there = (...words: string[]) => host.there("nsenter", `--net=${key}`, ...words);
        await there(
          "sh",
          "-ec",
          "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via 10.35.0.1",
        );
        expect(await asked("web", "127.0.0.1", 7777)).toBe("");
      } finally {
        server.kill();
      }
    });

    test("a flush is mended, and a daemon that was killed finds all as it was", async () => {
      await web("web", "-p", "8080:80");
      await served("outside", host.address, 8080);
      await flush();
      await served("outside", host.address, 8080);
      expect(await engine.log()).toContain("they are back");
      await engine.kill();
      await served("outside", host.address, 8080);
      await flush();
      expect(await host.got("outside", host.address, 8080)).toBe("refused");
      await engine.start();
      await served("outside", host.address, 8080);
      expect(await asked("web", host.outside, PORT)).toBe(host.address);
      await fathom("rm", "-f", "web");
      expect(await host.got("outside", host.address, 8080)).toBe("refused");
    });

    test("info says which, and when the daemon ends nothing is left", async () => {
      await web("web", "-p", "8080:80");
      expect(await fathom("info", "-f", "{{.FirewallBackend.Driver}}")).toBe(kind ? "iptables" : "nftables");
      expect((await rules()).toLowerCase()).toContain("fathom-");
      await engine.removeContainers();
      await engine.stop();
      expect((await rules()).toLowerCase()).not.toContain("fathom-");
      await engine.start();
    });
  });
}

/**
 * The default bridge from the command line. With TEST_ENGINE=docker the private dockerd gets a network namespace of its own, so that
 * neither its bridge nor its rules are the host's.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { CLIENTS, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ bridged: true });
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const output = (args: string[]) => engine.output(client, args);
  const command = (args: string[]) => engine.command(client, args);
  const bridgeOf = async (name: string) =>
    JSON.parse(await output(["inspect", "-f", "{{json .NetworkSettings.Networks.bridge}}", name])) as {
      IPAddress: string;
      Gateway: string;
      MacAddress: string;
      NetworkID: string;
    };

  test("a container has an address, a gateway and its own line in hosts", async () => {
    await output(["run", "-d", "--name", "one", "--hostname", "box", "busybox", "sleep", "100"]);
    const { IPAddress, Gateway, MacAddress } = await bridgeOf("one");
    const bytes = IPAddress.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
    expect(MacAddress).toBe(["02", "42", ...bytes].join(":"));
    expect(await output(["exec", "one", "ip", "-4", "addr", "show", "eth0"])).toContain(`inet ${IPAddress}/`);
    expect(await output(["exec", "one", "ip", "route"])).toContain(`default via ${Gateway} dev eth0`);
    expect(await output(["exec", "one", "tail", "-n1", "/etc/hosts"])).toBe(`${IPAddress}\tbox`);
    expect(await output(["exec", "one", "ping", "-c1", "-W2", Gateway])).toContain("1 packets received");
  });

  test("containers reach each other", async () => {
    await output(["run", "-d", "--name", "server", "busybox", "sh", "-c", "echo hello | nc -l -p 7000"]);
    const { IPAddress } = await bridgeOf("server");
    const asked = () => command(["run", "--rm", "busybox", "nc", "-w2", IPAddress, "7000"]);
    await eventually("an answer", async () => (await asked()).stdout === "hello\n");
  });

  test("two that run at once have different addresses, and one that ends gives its own back", async () => {
    await output(["run", "-d", "--name", "first", "busybox", "sleep", "100"]);
    await output(["run", "-d", "--name", "second", "busybox", "sleep", "100"]);
    const [first, second] = [await bridgeOf("first"), await bridgeOf("second")];
    expect(first.IPAddress).not.toBe(second.IPAddress);
    await output(["rm", "-f", "first"]);
    await output(["run", "-d", "--name", "third", "busybox", "sleep", "100"]);
    expect((await bridgeOf("third")).IPAddress).toBe(first.IPAddress);
  });

  test("a stopped one has no address, and a restarted one has again", async () => {
    await output(["run", "-d", "--name", "pausing", "busybox", "sleep", "100"]);
    const before = await bridgeOf("pausing");
    await output(["stop", "-t", "0", "pausing"]);
    expect(await bridgeOf("pausing")).toMatchObject({ IPAddress: "", NetworkID: before.NetworkID });
    await output(["start", "pausing"]);
    expect((await bridgeOf("pausing")).IPAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  test("one that shares another's network has its addresses and files", async () => {
    await output(["run", "-d", "--name", "owner", "busybox", "sleep", "100"]);
    const { IPAddress } = await bridgeOf("owner");
    const joined = ["run", "--rm", "--network", "container:owner", "busybox"];
    expect(await output([...joined, "ip", "-4", "addr", "show", "eth0"])).toContain(IPAddress);
    expect(await output([...joined, "tail", "-n1", "/etc/hosts"])).toContain(IPAddress);
  });

  test("exposed ports are shown, not published", async () => {
    await output(["run", "-d", "--name", "exposing", "--expose", "80", "busybox", "sleep", "100"]);
    expect(await output(["inspect", "-f", "{{json .NetworkSettings.Ports}}", "exposing"])).toBe(
      '{"80/tcp":null}',
    );
  });

  test("--dns, --dns-search, --dns-option and --add-host stand in its files", async () => {
    const flags = ["--dns", "9.9.9.9", "--dns-search", "example.org", "--dns-option", "ndots:2"];
    const resolv = await output(["run", "--rm", ...flags, "busybox", "cat", "/etc/resolv.conf"]);
    const lines = resolv.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines.sort()).toEqual(["nameserver 9.9.9.9", "options ndots:2", "search example.org"]);
    const hosts = ["--add-host", "there:10.1.2.3", "--add-host", "host:host-gateway"];
    const added = await output(["run", "--rm", ...hosts, "busybox", "cat", "/etc/hosts"]);
    const gateway = await output([
      "network",
      "inspect",
      "-f",
      "{{(index .IPAM.Config 0).Gateway}}",
      "bridge",
    ]);
    expect(added).toContain("10.1.2.3\tthere\n");
    expect(added).toContain(`${gateway}\thost\n`);
  });

  test("the three networks are there, and the bridge tells who is on it", async () => {
    const rows = await output(["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"]);
    expect(rows.split("\n")).toEqual(["bridge bridge local", "host host local", "none null local"]);
    const id = await output(["run", "-d", "--name", "shown", "busybox", "sleep", "100"]);
    const { IPAddress, MacAddress } = await bridgeOf("shown");
    const [bridge] = JSON.parse(await output(["network", "inspect", "bridge"]));
    expect(bridge.Containers[id]).toMatchObject({ Name: "shown", MacAddress });
    expect(bridge.Containers[id].IPv4Address).toMatch(new RegExp(`^${IPAddress}/\\d+$`));
    const unknown = await command(["network", "inspect", "nowhere"]);
    expect([unknown.status, unknown.stderr]).toEqual([
      1,
      expect.stringContaining("network nowhere not found"),
    ]);
    expect(await output(["ps", "-q", "--no-trunc", "--filter", "network=bridge"])).toBe(id);
  });

  test("events tell of connecting and disconnecting", async () => {
    const since = String(Date.now() / 1000 - 0.001);
    await output(["run", "--rm", "--name", "told", "busybox", "true"]);
    const events = ["events", "--since", since, "--filter", "type=network", "--format"];
    await eventually("both events", async () => {
      const until = ["--until", String(Date.now() / 1000)];
      const told = await output([...events, "{{.Action}} {{.Actor.Attributes.name}}", ...until]);
      return told === "connect bridge\ndisconnect bridge";
    });
  });

  test("a link tells the other's address by variables and hosts, and keeps it right", async () => {
    const flags = ["--expose", "80", "-e", "COLOR=red", "--hostname", "dbhost"];
    await output(["run", "-d", "--name", "database", ...flags, "busybox", "sleep", "100"]);
    await output(["run", "-d", "--name", "front", "--link", "database:db", "busybox", "sleep", "100"]);
    const { IPAddress } = await bridgeOf("database");
    const env = await output(["exec", "front", "env"]);
    expect(
      env
        .split("\n")
        .filter((line) => line.startsWith("DB_"))
        .sort(),
    ).toEqual([
      "DB_ENV_COLOR=red",
      "DB_NAME=/front/db",
      `DB_PORT=tcp://${IPAddress}:80`,
      `DB_PORT_80_TCP=tcp://${IPAddress}:80`,
      `DB_PORT_80_TCP_ADDR=${IPAddress}`,
      "DB_PORT_80_TCP_PORT=80",
      "DB_PORT_80_TCP_PROTO=tcp",
    ]);
    const linked = () => output(["exec", "front", "grep", "database", "/etc/hosts"]);
    expect(await linked()).toBe(`${IPAddress}\tdb dbhost database`);
    expect(await output(["inspect", "-f", "{{json .HostConfig.Links}}", "front"])).toBe(
      '["/database:/front/db"]',
    );
    await output(["stop", "-t", "0", "database"]);
    await output(["run", "-d", "busybox", "sleep", "100"]);
    await output(["start", "database"]);
    const moved = (await bridgeOf("database")).IPAddress;
    expect(moved).not.toBe(IPAddress);
    await eventually("the new address", async () => (await linked()).startsWith(`${moved}\tdb`));
  });

  test("a link needs the other to run, and is taken away by its name", async () => {
    await output(["create", "--name", "database", "busybox", "true"]);
    const refused = await command(["run", "--name", "front", "--link", "database:db", "busybox", "true"]);
    expect(refused.stderr).toContain("Cannot link to a non running container: /database AS /front/db");
    expect(await output(["rm", "--link", "front/db"])).toBe("front/db");
    expect(await output(["inspect", "-f", "{{json .HostConfig.Links}}", "front"])).toBe("null");
    const nothing = await command(["create", "--link", "nobody", "busybox", "true"]);
    expect(nothing.stderr).toContain("could not get container for nobody: No such container: nobody");
  });

  test("what only networks of one's own can give is refused", async () => {
    const refused = await command(["run", "--rm", "--ip", "172.17.0.99", "busybox", "true"]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain("user specified IP address is supported on user defined networks only");
  });

  // Docker 20.10 knows no address of a single network, which this command asks for.
  test.skipIf(ON_DOCKER)("--mac-address is its link's", async () => {
    const flags = ["--mac-address", "92:d0:c6:0a:29:33"];
    expect(await output(["run", "--rm", ...flags, "busybox", "ip", "link", "show", "eth0"])).toContain(
      "link/ether 92:d0:c6:0a:29:33",
    );
  });
});

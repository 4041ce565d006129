/** Published ports from the command line; what is reached from where is in ../integration/ports.test.ts. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ bridged: true, args: ["--bip", "10.33.1.1/24"] });
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

/** Ports that nobody else on this machine is likely to have. */
const A = 18_330;
const B = 18_331;

describe.each(CLIENTS)("%s", (client) => {
  const output = (args: string[]) => engine.output(client, args);
  const command = (args: string[]) => engine.command(client, args);
  const started = (...args: string[]) => output(["run", "-d", ...args, "busybox", "sleep", "100"]);
  const shown = async (name: string) =>
    JSON.parse(await output(["inspect", "-f", "{{json .NetworkSettings.Ports}}", name]));
  /** Without the twin of IPv6, which a host without IPv6 has not. */
  const ports = async (name: string) =>
    (await output(["ps", "--filter", `name=${name}`, "--format", "{{.Ports}}"]))
      .split(", ")
      .filter((port) => !port.startsWith("[::]") && !port.startsWith(":::"))
      .join(", ");
  const v4 = (bindings: { HostIp: string; HostPort: string }[] | null) =>
    bindings?.filter(({ HostIp }) => HostIp !== "::") ?? null;

  test("-p is shown by inspect, ps and port", async () => {
    await started("--name", "web", "-p", `${A}:80`, "-p", `127.0.0.1:${B}:53/udp`);
    const all = await shown("web");
    expect(v4(all["80/tcp"])).toEqual([{ HostIp: "0.0.0.0", HostPort: String(A) }]);
    expect(all["53/udp"]).toEqual([{ HostIp: "127.0.0.1", HostPort: String(B) }]);
    expect(JSON.parse(await output(["inspect", "-f", "{{json .HostConfig.PortBindings}}", "web"]))).toEqual({
      "53/udp": [{ HostIp: "127.0.0.1", HostPort: String(B) }],
      "80/tcp": [{ HostIp: "", HostPort: String(A) }],
    });
    expect(await ports("web")).toBe(`127.0.0.1:${B}->53/udp, 0.0.0.0:${A}->80/tcp`);
    const lines = (await output(["port", "web"])).split("\n");
    expect(lines).toContain(`53/udp -> 127.0.0.1:${B}`);
    expect(lines).toContain(`80/tcp -> 0.0.0.0:${A}`);
    expect((await output(["port", "web", "80"])).split("\n")[0]).toBe(`0.0.0.0:${A}`);
  });

  test("ranges are folded, and one port of a range is chosen", async () => {
    await started("--name", "range", "-p", "18340-18349:18340-18349", "-p", "18350-18352:100");
    await started("--name", "second", "-p", "18350-18352:100");
    expect(await ports("range")).toBe("0.0.0.0:18340-18349->18340-18349/tcp, 0.0.0.0:18350->100/tcp");
    expect(await ports("second")).toBe("0.0.0.0:18351->100/tcp");
    await started("--name", "moved", "-p", "18360-18361:80-81", "-p", `${A}:${A}`, "-p", `${B}:${B}`);
    expect(await ports("moved")).toBe(
      `0.0.0.0:${A}-${B}->${A}-${B}/tcp, 0.0.0.0:18360->80/tcp, 0.0.0.0:18361->81/tcp`,
    );
  });

  test("-P publishes what is exposed and not yet published", async () => {
    await started("--name", "all", "-P", "--expose", "80", "--expose", "443-444", "-p", `${A}:443`);
    const all = await shown("all");
    expect(v4(all["443/tcp"])).toEqual([{ HostIp: "0.0.0.0", HostPort: String(A) }]);
    const [chosen80, chosen444] = [v4(all["80/tcp"])?.[0]?.HostPort, v4(all["444/tcp"])?.[0]?.HostPort];
    expect(Number(chosen80)).toBeGreaterThanOrEqual(32_768);
    expect(Number(chosen80)).toBe(Number(chosen444) + 1);
    await output(["stop", "-t", "0", "all"]);
    expect(await shown("all")).toEqual({});
    expect(await ports("all")).toBe("");
    await output(["start", "all"]);
    const again = await shown("all");
    expect(v4(again["443/tcp"])).toEqual([{ HostIp: "0.0.0.0", HostPort: String(A) }]);
    expect(Number(v4(again["444/tcp"])?.[0]?.HostPort)).toBe(Number(chosen80) + 1);
  });

  test("a port that a container has is refused to another, until it stops", async () => {
    await started("--name", "first", "-p", `${A}:80`);
    const refused = await command([
      "run",
      "-d",
      "--name",
      "second",
      "-p",
      `${A}:80`,
      "busybox",
      "sleep",
      "9",
    ]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain("driver failed programming external connectivity on endpoint second (");
    expect(refused.stderr).toContain(`Bind for 0.0.0.0:${A} failed: port is already allocated`);
    if (!ON_DOCKER) expect(refused.stderr).toContain("container first has it");
    await output(["stop", "-t", "0", "first"]);
    await output(["start", "second"]);
    expect(await ports("second")).toBe(`0.0.0.0:${A}->80/tcp`);
  });

  test("the filters publish and expose choose by them", async () => {
    await started("--name", "shown", "-p", `${A}:80`, "--expose", "90");
    await started("--name", "other");
    const found = (filter: string) => output(["ps", "--filter", filter, "--format", "{{.Names}}"]);
    expect(await found(`publish=${A}`)).toBe("shown");
    expect(await found(`publish=${A}-${B}/tcp`)).toBe("shown");
    expect(await found(`publish=${A}/udp`)).toBe("");
    expect(await found("publish=80")).toBe("");
    expect(await found("expose=80-95/tcp")).toBe("shown");
  });

  test("what cannot be is refused in docker's words", async () => {
    const refused: [string[], string][] = [
      [["-p", "abc"], "invalid containerPort: abc"],
      [["-p", "70000:80"], "invalid hostPort: 70000"],
      [["-p", "80-82:80-81"], "invalid ranges specified for container and host Ports"],
      [["-p", "1.2.3:80:80"], "invalid IP address: 1.2.3"],
      [["--expose", "x"], "invalid range format for --expose: x"],
    ];
    for (const [flags, sentence] of refused) {
      const { status, stderr } = await command(["run", "--rm", ...flags, "busybox", "true"]);
      expect([status, stderr]).toEqual([125, expect.stringContaining(sentence)]);
    }
  });

  test("on the host's network ports are discarded, and that is told", async () => {
    const flags = ["--network", "host", "-p", `${A}:80`];
    const { status, stderr } = await command(["run", "--rm", ...flags, "busybox", "true"]);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("Published ports are discarded when using host network mode"),
    ]);
  });

  test("in another container's network they are refused, and without one they mean nothing", async () => {
    await started("--name", "owner");
    const joined = ["run", "--rm", "--network", "container:owner", "-p", `${A}:80`, "busybox", "true"];
    const { status, stderr } = await command(joined);
    expect([status, stderr]).toEqual([
      125,
      expect.stringContaining("conflicting options: port publishing and the container type network mode"),
    ]);
    await started("--name", "alone", "--network", "none", "-p", `${A}:80`);
    expect(await shown("alone")).toEqual({});
  });
});

describe("the API", () => {
  const create = (body: object) =>
    engine.request("POST", "/containers/create", { Image: "busybox", Cmd: ["true"], ...body });

  test("refuses ports that are none with Docker's status and words", async () => {
    const wrong: [object, string][] = [
      [{ "x/tcp": [{}] }, 'invalid port specification: "x"'],
      [{ "80/tcp": [{ HostPort: "70000" }] }, 'invalid port specification: "70000"'],
    ];
    for (const [PortBindings, message] of wrong) {
      const { status, json } = await create({ HostConfig: { PortBindings } });
      expect([status, json]).toEqual([400, { message: expect.stringContaining(message) }]);
    }
  });

  // Docker 20.10 publishes only what is exposed, later ones all.
  test.skipIf(ON_DOCKER)("takes bindings of ports that nobody exposes", async () => {
    const HostConfig = { PortBindings: { "80/tcp": [{ HostPort: String(A) }] } };
    const { json } = await create({ HostConfig, Cmd: ["sleep", "100"] });
    const { Id } = json as { Id: string };
    expect((await engine.request("POST", `/containers/${Id}/start`)).status).toBe(204);
    const inspected = (await engine.request("GET", `/containers/${Id}/json`)).json as {
      NetworkSettings: { Ports: Record<string, unknown[]> };
    };
    expect(inspected.NetworkSettings.Ports["80/tcp"]?.[0]).toEqual({
      HostIp: "0.0.0.0",
      HostPort: String(A),
    });
  });
});

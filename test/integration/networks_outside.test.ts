/** Networks of one's own and the outside, which is a network namespace of the test's own; and a subnet that has no address left. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

const OUTSIDE = `fathom-test-beyond-${process.pid}`;
const LINK = `fmb${process.pid}`;
const HOST = "10.32.56.1";
const PEER = "10.32.56.2";
let engine: Engine;
const fathom = (...args: string[]) => engine.output("fathom", args);
const ip = async (...args: string[]) => {
  const { status, stderr } = await run(["ip", ...args]);
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
};

beforeAll(async () => {
  engine = await startFathom();
  await ip("netns", "add", OUTSIDE);
  await ip("link", "add", LINK, "type", "veth", "peer", "name", "out0", "netns", OUTSIDE);
  await ip("addr", "add", `${HOST}/24`, "dev", LINK);
  await ip("link", "set", LINK, "up");
  await ip("-n", OUTSIDE, "addr", "add", `${PEER}/24`, "dev", "out0");
  await ip("-n", OUTSIDE, "link", "set", "out0", "up");
  await ip("-n", OUTSIDE, "route", "add", "default", "via", HOST);
});
afterEach(async () => {
  await engine.removeContainers();
  await engine.request("POST", "/networks/prune");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await ip("link", "del", LINK);
  await ip("netns", "del", OUTSIDE);
});

test("the outside sees a container under the host's address, and under its own where the network is routed", async () => {
  await fathom("network", "create", "--subnet", "10.32.57.0/24", "hidden");
  const routed = "com.docker.network.bridge.gateway_mode_ipv4=routed";
  await fathom("network", "create", "--subnet", "10.32.58.0/24", "-o", routed, "open");
  const script =
    "import socket;s=socket.socket();s.setsockopt(1,2,1);s.bind(('',7001));s.listen(5);print('ready',flush=True)\nwhile 1:\n c,a=s.accept();c.send(a[0].encode());c.close()";
  const server = Bun.spawn(["ip", "netns", "exec", OUTSIDE, "python3", "-c", script], { stdout: "pipe" });
  try {
    await server.stdout.getReader().read();
    const seen = (network: string) =>
      fathom("run", "--rm", "--network", network, "busybox", "nc", "-w5", PEER, "7001");
    expect([await seen("hidden"), await seen("open")]).toEqual([HOST, "10.32.58.2"]);
  } finally {
    server.kill();
    await server.exited;
  }
});

test("the outside reaches a port that is published, and no other", async () => {
  await fathom("network", "create", "--subnet", "10.32.57.0/24", "front");
  const serve = "while :; do echo in | nc -l -p 80; done & while :; do echo no | nc -l -p 81; done";
  const args = ["-d", "--name", "web", "--network", "front", "-p", "17323:80"];
  await fathom("run", ...args, "busybox", "sh", "-c", serve);
  const ask = async (address: string, port: number) => {
    const client = `import socket;s=socket.create_connection(('${address}',${port}),2);print(s.recv(9).decode(),end='')`;
    return (await run(["ip", "netns", "exec", OUTSIDE, "python3", "-c", client])).stdout;
  };
  await eventually("the answer", async () => (await ask(HOST, 17323)) === "in\n");
  expect(await ask("10.32.57.2", 81)).toBe("");
});

test("a network without a free address refuses, and has one again when a container has ended", async () => {
  await fathom("network", "create", "--subnet", "10.32.59.0/29", "small");
  const start = (name: string) =>
    engine.command("fathom", ["run", "-d", "--name", name, "--network", "small", "busybox", "sleep", "100"]);
  for (const name of ["one", "two", "three", "four", "five"]) expect((await start(name)).status).toBe(0);
  const { status, stderr } = await start("six");
  expect([status, stderr]).toEqual([
    125,
    expect.stringContaining("no available IPv4 addresses on this network's address pools: small ("),
  ]);
  await fathom("rm", "-f", "three");
  await fathom("start", "six");
  const address = "{{.NetworkSettings.Networks.small.IPAddress}}";
  expect(await fathom("inspect", "-f", address, "six")).toBe("10.32.59.4");
});

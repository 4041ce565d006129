/** Fathom and Docker on one host, which is the test's own: Docker sets the policy of FORWARD to DROP, and keeps rules of its own. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Engine, eventually, startDocker, startFathom } from "../harness/mod.ts";
import { makeHost, type TestHost } from "./_hosts.ts";

const PORT = 7001;
const serve = (port: number) => `while true; do echo served | nc -l -p ${port}; done`;
/** Docker lets anybody to the container's own port that is published: 90 is not. */
const SERVER = `${serve(90)} & ${serve(80)}`;
let host: TestHost;
let fathom: Engine;
let docker: Engine;
beforeAll(async () => {
  host = await makeHost("beside");
  // Docker sets the policy where it is who switches forwarding on.
  await host.there("sysctl", "-qw", "net.ipv4.ip_forward=0");
  docker = await startDocker({ network: host.name });
  await docker.output("docker", [
    "run",
    "-d",
    "--name",
    "theirs",
    "-p",
    "8081:80",
    "busybox",
    "sh",
    "-c",
    SERVER,
  ]);
  fathom = await startFathom({ network: host.name });
  await fathom.output("fathom", [
    "run",
    "-d",
    "--name",
    "ours",
    "-p",
    "8080:80",
    "busybox",
    "sh",
    "-c",
    SERVER,
  ]);
}, 120_000);
afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await fathom?.[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
}, 120_000);

const exec = async (engine: Engine, name: string, address: string, port: number) =>
  (await engine.command("docker", ["exec", name, "nc", "-w", "2", address, String(port)])).stdout.trim();
const addressOf = (engine: Engine, name: string) =>
  engine.output("docker", [
    "inspect",
    "-f",
    "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
    name,
  ]);

test("containers of both reach the outside, and the outside what both publish", async () => {
  using _ = await host.serveBeyond(PORT);
  expect(await host.there("iptables-nft", "-S", "FORWARD")).toContain("-P FORWARD DROP");
  await eventually(
    "the way out",
    async () => (await exec(fathom, "ours", host.outside, PORT)) === host.address,
  );
  expect(await exec(docker, "theirs", host.outside, PORT)).toBe(host.address);
  expect(await host.got("outside", host.address, 8080)).toBe("served");
  expect(await host.got("outside", host.address, 8081)).toBe("served");
});

test("neither's containers reach the other's, but by what is published", async () => {
  const [ours, theirs] = await Promise.all([addressOf(fathom, "ours"), addressOf(docker, "theirs")]);
  expect(ours.split(".").slice(0, 2)).not.toEqual(theirs.split(".").slice(0, 2));
  expect(await host.got("host", theirs, 90)).toBe("served");
  expect(await exec(fathom, "ours", theirs, 90)).toBe("");
  expect(await exec(docker, "theirs", ours, 90)).toBe("");
});

test("a second engine of ours has its own bridge, network and rules, and takes only those with it", async () => {
  const before = await host.there("nft", "list", "tables");
  {
    await using other = await startFathom({ network: host.name });
    await other.output("fathom", ["run", "-d", "--name", "second", "busybox", "sleep", "1000"]);
    expect(await addressOf(other, "second")).not.toBe(await addressOf(fathom, "ours"));
    const tables = (await host.there("nft", "list", "tables")).match(/^table inet fathom-\w+$/gm);
    expect(new Set(tables).size).toBe(2);
  }
  expect(await host.there("nft", "list", "tables")).toBe(before);
  expect(await host.got("outside", host.address, 8080)).toBe("served");
});

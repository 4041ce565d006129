/** `fathom whois`: whose the things of this host are. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { WhoisAnswer } from "../../src/spec/whois.ts";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
let id: string;
let pid: number;
beforeAll(async () => {
  engine = await startFathom();
  const script = "nc -ll -p 4321 -e true & sleep 1000; true";
  id = await fathom("run", "-d", "--name", "one", "-v", "files:/data", "busybox", "sh", "-c", script);
  pid = Number(await fathom("inspect", "-f", "{{.State.Pid}}", "one"));
});
afterAll(() => engine[Symbol.asyncDispose]());

const fathom = (...args: string[]) => engine.output("fathom", args);

async function whois(...words: (string | number)[]): Promise<WhoisAnswer["Findings"]> {
  const answer = await engine.command("fathom", ["whois", "--format", "json", ...words.map(String)]);
  const { Findings } = JSON.parse(answer.stdout) as WhoisAnswer;
  expect(answer.status).toBe(Findings.length > 0 ? 0 : 1);
  return Findings;
}

const sentences = async (...words: (string | number)[]) =>
  (await whois(...words)).map(({ Sentence, Container }) => `${Container?.Name}: ${Sentence}`);

/** The last process that a shell of the container has started. */
async function childOf(parent: number): Promise<number> {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, "utf8");
  return Number(children.trim().split(" ").at(-1));
}

test("a process is known by its number: the first, a descendant, an exec's, one that has entered, the shim, the daemon", async () => {
  expect(await sentences(pid)).toEqual(["one: is the first process of one"]);
  const child = await eventually("the sleep", async () => (await childOf(pid)) || undefined);
  expect(await sentences(child)).toEqual([
    expect.stringMatching(/^one: \(\w+\) runs in one, by its control group$/),
  ]);
  await fathom("exec", "-d", "one", "sleep", "777");
  const exec = await eventually("the exec", async () => {
    const { stdout } = await run(["pgrep", "-fx", "sleep 777"]);
    return Number(stdout.split("\n").at(-2)) || undefined;
  });
  expect(await sentences("pid", exec)).toEqual([
    expect.stringMatching(/^one: \(\w+\) runs in one, by its control group$/),
  ]);
  const visitor = Bun.spawn(["nsenter", "--net", "-t", String(pid), "sleep", "1000"]);
  const own = "one: (sleep) is in the net namespace of one, and not in its control group";
  try {
    await eventually("the visitor", async () => (await sentences("pid", visitor.pid))[0] === own);
  } finally {
    visitor.kill();
  }
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  expect(await sentences("pid", /^PPid:\s*(\d+)/m.exec(status)?.[1] ?? "")).toEqual([
    "one: is the shim beside one",
  ]);
  expect(await sentences("pid", engine.pid)).toEqual(["undefined: is this engine's daemon"]);
  expect(await whois("pid", process.pid)).toEqual([]);
});

test("a port that is listened on, a link, an address and a bridge are known", async () => {
  const address = await fathom("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "one");
  const mac = await fathom(
    "inspect",
    "-f",
    "{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}",
    "one",
  );
  await eventually("the listener", async () => (await whois(4321)).length > 0);
  expect((await sentences("port", "4321/tcp"))[0]).toContain(`is listened on in one, at `);
  expect(await whois("port", "4321/udp")).toEqual([]);
  const { Endpoints } = JSON.parse(await readFile(join(engine.execRoot, "sandboxes", `${id}.json`), "utf8"));
  expect(await sentences(Endpoints[0].Link)).toEqual([
    "one: is the host's end of eth0 on the network bridge",
  ]);
  for (const name of [address, mac])
    expect(await sentences(name)).toEqual(["one: is that of eth0 on the network bridge"]);
  const bridge = await fathom(
    "network",
    "inspect",
    "-f",
    '{{index .Options "com.docker.network.bridge.name"}}',
    "bridge",
  );
  expect((await sentences(bridge))[0]).toContain("is the link of the network bridge, with 1 container on it");
  const gateway = await fathom("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge");
  expect((await sentences(gateway))[0]).toContain("is the gateway of the network bridge");
  expect(await whois("lo")).toEqual([]);
  expect(await whois("203.0.113.7")).toEqual([]);
});

test("a rule is known by its handle", async () => {
  const { stdout } = await run(["nft", "-a", "list", "ruleset"]);
  const bridge = await fathom(
    "network",
    "inspect",
    "-f",
    '{{index .Options "com.docker.network.bridge.name"}}',
    "bridge",
  );
  const own = stdout.slice(stdout.indexOf(`table inet ${bridge} `));
  const handle =
    /oifname "fathom-\w+" ct state established,related accept # handle (\d+)/.exec(own)?.[1] ?? "";
  expect((await sentences("rule", handle))[0]).toContain(
    `stands in chain forward of table inet ${bridge}, and speaks of the network bridge`,
  );
  expect(await whois("handle", 999_999)).toEqual([]);
});

test("a path is known: of the container, its layers, volumes, groups, and what it has mounted", async () => {
  const at = (...parts: string[]) => join(engine.dataRoot, ...parts);
  const log = `containers/${id}/${id}-json.log`;
  expect(await sentences(at(log))).toEqual(["one: is the container's log"]);
  expect(await sentences(at("containers", id, "rw"))).toEqual(["one: is what the container has written"]);
  expect(await sentences(at("volumes/files/_data"))).toEqual([
    "one: is of the volume files, which one has at /data",
  ]);
  const { stdout } = await run(["readlink", "-f", at("containers", id, "parent")]);
  expect(await sentences(stdout.trim())).toEqual(["one: is of a layer of busybox, below one"]);
  const key = await fathom("inspect", "-f", "{{.NetworkSettings.SandboxKey}}", "one");
  expect(await sentences(key)).toEqual(["one: is the container's network namespace"]);
  const cgroups = await readFile(`/proc/${pid}/cgroup`, "utf8");
  const group = /^\d+:pids:(.*)$/m.exec(cgroups)?.[1];
  if (group !== undefined)
    expect(await sentences(`/sys/fs/cgroup/pids${group}`)).toEqual(["one: is of the control group of one"]);
  expect(await whois("/etc/passwd")).toEqual([]);
});

test("it is told in lines, and what is nobody's of ours on standard error", async () => {
  const text = await fathom("whois", String(pid));
  expect(text).toContain(
    `process ${pid} is the first process of one\n    container one (${id.slice(0, 12)}, running), image busybox, command sh -c 'nc`,
  );
  const { status, stderr } = await engine.command("fathom", ["whois", "/etc/passwd"]);
  expect([status, stderr]).toEqual([1, "/etc/passwd is nobody's of ours\n"]);
});

/**
 * What the API answers is what Docker's API description says, of every endpoint there is: types, null, required keys, and no key
 * beside them. The description lies beside the project on some machines only.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { type Exceptions, faultsOf, readDescription } from "./_schema.ts";

const description = await readDescription();
if (description === undefined)
  console.warn("no description of the Docker Engine API here: its tests are skipped");
const described = test.skipIf(description === undefined);

const EXCEPTIONS: Exceptions = {
  // What is null in Go unless something was asked for; inspect.test.ts holds most of them against Docker.
  nulls: new Set([
    ...[
      ...[
        "Binds",
        "CapAdd",
        "CapDrop",
        "DeviceCgroupRules",
        "DeviceRequests",
        "Devices",
        "Dns",
        "DnsOptions",
      ],
      ...["BlkioDeviceReadBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteBps", "BlkioDeviceWriteIOps"],
      ...["BlkioWeightDevice", "DnsSearch", "ExtraHosts", "GroupAdd", "Links", "MemorySwappiness"],
      ...["PortBindings", "SecurityOpt", "Ulimits", "VolumesFrom"],
    ].map((key) => `HostConfig.${key}`),
    ...["Entrypoint", "Env", "Volumes"].map((key) => `ContainerConfig.${key}`),
    ...["Links", "Aliases", "DNSNames"].map((key) => `EndpointSettings.${key}`),
    ...[
      "ImageSummary.Labels",
      "Volume.Options",
      "VolumeListResponse.Warnings",
      "IPAM.Options",
      "IPAM.Config",
    ],
    ...["Cmd", "Entrypoint", "Env", "Labels", "Volumes"].map((key) => `ImageConfig.${key}`),
    ...[
      "Volume.Labels",
      "ContainerBlkioStats.io_service_bytes_recursive",
      "GET /exec/{id}/json 200.ExitCode",
    ],
    ...["PluginsInfo.Authorization", "SystemInfo.GenericResources"],
  ]),
  // Of API v1.21 and older, and in every answer until v1.51.
  extra: new Set(["EventMessage.status", "EventMessage.id", "EventMessage.from"]),
};

let engine: Engine;
const ids: Record<string, string> = {};

beforeAll(async () => {
  if (description === undefined) return;
  engine = await startEngine({ bridged: true });
  await engine.request("POST", "/volumes/create", { Name: "files", Labels: { a: "b" } });
  for (const [name, body] of Object.entries(CONTAINERS)) ids[name] = await made(name, body);
  for (const name of STARTED) await started(name);
  await started("linked");
  await engine.request("POST", "/containers/paused/pause");
  await engine.request("POST", "/containers/exited/wait");
  for (const name of ["healthy", "unhealthy"]) await untilHealth(name);
  await eventually("restarting", async () => (await stateOf("restarting")).Status === "restarting");
});
afterAll(() => engine?.[Symbol.asyncDispose]());

const SLEEP = { Image: "busybox", Cmd: ["sleep", "1000"] };
const often = (...Test: string[]) => ({ Test, Interval: 20_000_000, Timeout: 5_000_000_000, Retries: 1 });

/** A container of each kind, by name. */
const CONTAINERS: Record<string, object> = {
  created: { Image: "busybox", Cmd: ["true"] },
  running: {
    ...SLEEP,
    Tty: true,
    OpenStdin: true,
    ExposedPorts: { "80/tcp": {} },
    Labels: { a: "b" },
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: ["sleep 1000"],
    StopSignal: "SIGINT",
    StopTimeout: 3,
    HostConfig: {
      Annotations: { x: "y" },
      Binds: ["files:/files", "/etc:/host:ro"],
      Mounts: [
        { Type: "tmpfs", Target: "/scratch", TmpfsOptions: { SizeBytes: 65_536, Mode: 0o700 } },
        { Type: "volume", Target: "/anonymous" },
        { Type: "bind", Source: "/etc", Target: "/again", ReadOnly: true },
      ],
      Tmpfs: { "/t": "size=64k" },
      Memory: 64 << 20,
      NanoCpus: 500_000_000,
      PidsLimit: 50,
      Ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
      Sysctls: { "net.ipv4.ip_forward": "0" },
      ExtraHosts: ["a:1.2.3.4"],
      Init: true,
      CapAdd: ["NET_ADMIN"],
      CapDrop: ["MKNOD"],
      SecurityOpt: ["no-new-privileges"],
      GroupAdd: ["20"],
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
      Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/nul", CgroupPermissions: "rwm" }],
    },
  },
  exited: { Image: "busybox", Cmd: ["false"], HostConfig: { NetworkMode: "none" } },
  paused: SLEEP,
  healthy: { ...SLEEP, Healthcheck: often("CMD", "true") },
  unhealthy: { ...SLEEP, Healthcheck: often("CMD-SHELL", "echo no; false") },
  linked: { ...SLEEP, HostConfig: { Links: ["running:other"] } },
  joined: { ...SLEEP, HostConfig: { NetworkMode: "container:healthy", PidMode: "host" } },
  onHost: { ...SLEEP, HostConfig: { NetworkMode: "host", Privileged: false } },
  restarting: { Image: "busybox", Cmd: ["false"], HostConfig: { RestartPolicy: { Name: "always" } } },
};
const STARTED = ["running", "exited", "paused", "healthy", "unhealthy", "onHost", "restarting"];

async function made(name: string, body: object): Promise<string> {
  const { status, text, json } = await engine.request("POST", `/containers/create?name=${name}`, body);
  if (status !== 201) throw new Error(`${name}: ${text}`);
  checked("POST", "/containers/create", { status, value: json });
  return (json as { Id: string }).Id;
}

async function started(name: string): Promise<void> {
  const { status, text } = await engine.request("POST", `/containers/${name}/start`);
  if (status !== 204) throw new Error(`${name}: ${text}`);
}

async function stateOf(name: string): Promise<{ Status: string; Health?: { Status: string } }> {
  const { json } = await engine.request("GET", `/containers/${name}/json`);
  return (json as { State: { Status: string } }).State;
}

async function untilHealth(name: string): Promise<void> {
  await eventually(name, async () => (await stateOf(name)).Health?.Status === name);
}

function checked(
  method: string,
  pattern: string,
  { status, value }: { status: number; value: unknown },
): void {
  if (description === undefined) return;
  expect(faultsOf(description, { method, pattern, status, value }, EXCEPTIONS)).toEqual([]);
}

/** A request of an endpoint, whose parts in braces are given in turn after what `=` begins. */
async function asked(line: string, body?: unknown): Promise<unknown> {
  const [method = "", target = "", expected = "200"] = line.split(" ");
  // `/containers/{id=web}/json` is /containers/web/json, of the endpoint /containers/{id}/json.
  const path = target.replace(/\{\w+=([^}]*)\}/g, "$1");
  const [pattern = ""] = target.replace(/\{(\w+)=[^}]*\}/g, "{$1}").split("?");
  const { status, json } = await engine.request(method, path, body);
  expect({ line, status, json }).toMatchObject({ line, status: Number(expected) });
  checked(method, pattern, { status, value: json });
  return json;
}

described.each(Object.keys(CONTAINERS))("inspect of a container that is %s", async (name) => {
  await asked(`GET /containers/{id=${name}}/json?size=1`);
});

described.each(["", "?all=1", "?all=1&size=1", "?limit=3"])("the list of containers%s", async (query) => {
  await asked(`GET /containers/json${query}`);
});

described("what runs in a container, what it uses, what it wrote", async () => {
  await asked("GET /containers/{id=running}/top");
  await asked("GET /containers/{id=running}/top?ps_args=aux");
  await asked("GET /containers/{id=running}/changes");
  for (const name of ["running", "paused", "created", "exited", "onHost"])
    await asked(`GET /containers/{id=${name}}/stats?stream=false&one-shot=1`);
  await asked("GET /containers/{id=running}/stats?stream=false");
});

described("an exec, before it runs and after", async () => {
  const body = { Cmd: ["true"], AttachStdout: true, User: "app", Env: ["A=b"] };
  const { Id } = (await asked("POST /containers/{id=running}/exec 201", body)) as { Id: string };
  await asked(`GET /exec/{id=${Id}}/json`);
  await engine.request("POST", `/exec/${Id}/start`, { Detach: false });
  await asked(`GET /exec/{id=${Id}}/json`);
  await asked("GET /exec/{id=none}/json 404");
});

described("update, wait, commit, and where a path of a container is", async () => {
  await asked("POST /containers/{id=running}/update", { Memory: 96 << 20, MemorySwap: 192 << 20 });
  await asked("POST /containers/{id=exited}/wait");
  await asked("POST /commit?container=exited&repo=committed 201", {});
  const head = await fetch("http://engine/containers/running/archive?path=/etc/passwd", {
    unix: engine.socket,
    method: "HEAD",
  });
  const stat = JSON.parse(atob(head.headers.get("X-Docker-Container-Path-Stat") ?? "")) as object;
  expect(Object.keys(stat).sort()).toEqual(["linkTarget", "mode", "mtime", "name", "size"]);
});

described("images", async () => {
  await asked("GET /images/json");
  await asked("GET /images/json?all=1&digests=1");
  await asked("GET /images/{name=busybox}/json");
  await asked("POST /images/{name=busybox}/tag?repo=twice&tag=1 201");
  await asked("DELETE /images/{name=twice:1}");
});

described("volumes", async () => {
  await asked("GET /volumes");
  await asked("GET /volumes/{name=files}");
  await asked("POST /volumes/create 201", { Name: "more", DriverOpts: { type: "tmpfs", device: "tmpfs" } });
  await asked("GET /volumes/{name=more}");
  await asked("POST /volumes/create 201", {});
  await asked("POST /volumes/prune");
  await asked("POST /volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D");
  await asked("DELETE /volumes/{name=files} 409");
  await asked("DELETE /volumes/{name=none} 404");
});

described("networks", async () => {
  const networks = (await asked("GET /networks")) as { Id: string }[];
  for (const { Id } of networks) await asked(`GET /networks/{id=${Id}}`);
  await asked("GET /networks/{id=missing} 404");
});

described("the engine", async () => {
  await asked("GET /info");
  await asked("GET /version");
});

described("events", async () => {
  const { text } = await engine.request("GET", `/events?since=1&until=${Date.now() / 1000}`);
  const events = text.trim().split("\n");
  expect(events.length).toBeGreaterThan(20);
  for (const line of events) checked("GET", "/events", { status: 200, value: JSON.parse(line) });
});

described.each([
  "GET /containers/{id=missing}/json 404",
  "POST /containers/{id=missing}/start 404",
  "POST /containers/{id=missing}/wait 404",
  "GET /containers/{id=missing}/top 404",
  "GET /containers/{id=missing}/changes 404",
  "GET /containers/{id=missing}/stats 404",
  "DELETE /containers/{id=missing} 404",
  "DELETE /containers/{id=running} 409",
  "POST /containers/{id=created}/kill 409",
  "POST /containers/{id=created}/rename?name=running 409",
  "GET /containers/{id=running}/archive?path=/none 404",
  "GET /containers/json?filters=%7B%22no%22%3A%5B%22x%22%5D%7D 400",
  "GET /images/{name=none}/json 404",
  "GET /volumes/{name=none} 404",
])("an error is as described: %s", async (line) => {
  await asked(line);
});

described("prune", async () => {
  await asked("POST /containers/prune");
});

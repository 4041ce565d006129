import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { type ApiServer, serve } from "./mod.ts";
import { type FakeEngine, fakeBackends, frame } from "./test_backends.ts";
import { exchange, openClient, temporaryDirectory } from "./test_support.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
let api: ApiServer;
let engine: FakeEngine;
const reported: unknown[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory();
  path = `${directory.path}/api.sock`;
  engine = fakeBackends();
  const report = (error: unknown) => reported.push(error);
  api = await serve({ backends: engine.backends, listeners: [{ kind: "unix", path }], report });
});

beforeEach(() => {
  engine.calls.length = 0;
  reported.length = 0;
});

afterAll(async () => {
  await api.close(100);
  await directory[Symbol.asyncDispose]();
});

/** One request and its answer taken apart. */
async function ask(method: string, target: string, body?: unknown, type = "application/json") {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const typed = body === undefined ? "" : `Content-Type: ${type}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${typed}`;
  const answer = await exchange(path, `${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  const [top = "", ...rest] = answer.split("\r\n\r\n");
  return { status: Number(top.split(" ", 2)[1]), head: top, body: rest.join("\r\n\r\n") };
}

const message = (answer: { body: string }) => (JSON.parse(answer.body) as { message: string }).message;

describe("versions and pages", () => {
  test("_ping has Docker's headers, for GET and HEAD", async () => {
    for (const method of ["GET", "HEAD"]) {
      const { status, head, body } = await ask(method, "/_ping");
      expect(status).toBe(200);
      expect(body).toBe(method === "GET" ? "OK" : "");
      for (const line of [
        "Api-Version: 1.51",
        "Docker-Experimental: false",
        "Ostype: linux",
        "Builder-Version: 1",
      ]) {
        expect(head).toContain(line);
      }
      expect(head).toMatch(/Server: Fathom\/\S+ \(linux\)/);
      expect(head).toContain("Cache-Control: no-cache, no-store, must-revalidate\r\nPragma: no-cache");
    }
  });

  test("any version from 1.4 to 1.51 is spoken, and none", async () => {
    for (const version of ["", "/v1.4", "/v1.24", "/v1.41", "/v1.51"]) {
      expect((await ask("GET", `${version}/version`)).status).toBe(200);
    }
  });

  test("other versions are refused in Docker's words", async () => {
    expect(message(await ask("GET", "/v1.99/version"))).toBe(
      "client version 1.99 is too new. Maximum supported API version is 1.51",
    );
    const old = await ask("GET", "/v1.3/version");
    expect(old.status).toBe(400);
    expect(old.body).toStartWith(
      "client version 1.3 is too old. Minimum supported API version is 1.4, please upgrade",
    );
  });

  test("an unknown page, and a known one by another method, is not found", async () => {
    for (const [method, target] of [
      ["GET", "/nonsense"],
      ["GET", "/v1.41/containers"],
      ["PUT", "/_ping"],
      ["GET", "/"],
    ]) {
      const answer = await ask(method ?? "", target ?? "");
      expect(answer.status).toBe(404);
      expect(answer.body).toBe('{"message":"page not found"}\n');
    }
  });

  test("image names keep their slashes, encoded or not", async () => {
    await ask("GET", "/v1.51/images/reg.example/a/b:c/json");
    await ask("GET", "/images/a%2Fb%3Ac/json");
    await ask("DELETE", "/images/a/b?force=1&noprune=1");
    await ask("POST", "/images/a/b/tag?repo=x/y&tag=z");
    expect(engine.calls).toEqual([
      ["images.inspect", "reg.example/a/b:c"],
      ["images.inspect", "a/b:c"],
      ["images.remove", "a/b", { force: true, prune: false }],
      ["images.tag", "a/b", "x/y:z"],
    ]);
  });

  test("a path that cannot be decoded is refused", async () => {
    expect((await ask("GET", "/images/%zz/json")).status).toBe(400);
    expect((await ask("GET", "/containers/a%00b/json")).status).toBe(400);
  });
});

describe("request bodies", () => {
  test("create passes on checked fields only, under their own names", async () => {
    const body = {
      image: "i",
      CMD: "true",
      Entrypoint: ["a"],
      Env: null,
      Nonsense: 1,
      HostConfig: { memory: 5 },
    };
    const answer = await ask("POST", "/containers/create?name=web", body);
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body)).toEqual({ Id: "c1", Warnings: [] });
    const wanted = { Image: "i", Cmd: ["true"], Entrypoint: ["a"], HostConfig: { Memory: 5 } };
    expect(engine.calls).toEqual([["containers.create", wanted, { name: "web" }]]);
  });

  const refused: [name: string, body: string, wording: string][] = [
    [
      "a wrong type",
      '{"Image":"i","HostConfig":{"Memory":"1"}}',
      "HostConfig.Memory: expected a number, got a string",
    ],
    ["half an object", '{"Image":', "invalid JSON: "],
    ["something behind the object", '{"Image":"i"} x', "invalid JSON: "],
    ["nesting beyond all measure", "[".repeat(500_000), "invalid JSON: "],
    ["nothing", "", "invalid JSON: got EOF while reading request body"],
    ["no configuration", "{}", "config cannot be empty in order to create a container"],
  ];
  for (const [name, body, wording] of refused) {
    test(`${name} is refused`, async () => {
      const answer = await ask("POST", "/containers/create", body);
      expect(answer.status).toBe(400);
      expect(message(answer)).toContain(wording);
      expect(engine.calls).toEqual([]);
    });
  }

  test("another content type is refused", async () => {
    const answer = await ask("POST", "/containers/create", "{}", "text/plain");
    expect(message(answer)).toBe("unsupported Content-Type header (text/plain): must be 'application/json'");
  });

  test("more than 16 MiB of JSON is refused before it is read", async () => {
    const head = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    const answer = await exchange(path, `${head}Content-Length: 16777217\r\n\r\n`);
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(answer).toContain('{"message":"the request');
    const chunk = Buffer.alloc(17 * 2 ** 20, " ");
    const streamed = await exchange(path, `${head}Transfer-Encoding: chunked\r\n\r\n1100000\r\n`, chunk);
    expect(streamed).toStartWith("HTTP/1.1 413 ");
  });
});

describe("parameters", () => {
  test("container lists: the last N are of all, and filters come in both notations", async () => {
    await ask("GET", '/containers/json?limit=2&filters={"label":["a","b"]}');
    await ask("GET", `/containers/json?all=false&filters=${encodeURIComponent('{"label":{"a":true}}')}`);
    expect(engine.calls).toEqual([
      ["containers.list", { all: true, limit: 2, size: false, filters: { label: ["a", "b"] } }],
      ["containers.list", { all: false, limit: 0, size: false, filters: { label: ["a"] } }],
    ]);
  });

  test("malformed ones are refused by name", async () => {
    const wrong = [
      "GET /containers/json?limit=x",
      "GET /containers/json?filters=x",
      "GET /containers/json?filters=[1]",
      "GET /containers/c/logs?stdout=1&since=yesterday",
      "GET /containers/c/logs",
      "POST /containers/c/resize?h=-1&w=2",
      "POST /containers/c/wait?condition=never",
      "POST /containers/c/stop?t=soon",
      "POST /containers/c/rename",
      "GET /containers/c/receipt?format=png",
      "GET /containers/c/receipt?follow=1",
    ];
    for (const line of wrong) {
      const [method = "", target = ""] = line.split(" ");
      expect([line, (await ask(method, target)).status]).toEqual([line, 400]);
    }
    expect(engine.calls).toEqual([]);
  });

  test("actions on a container reach the backend and answer without a body", async () => {
    const actions: [string, number, unknown[]][] = [
      ["POST /containers/c/start", 204, ["containers.start", "c"]],
      [
        "POST /containers/c/stop?t=3&signal=INT",
        204,
        ["containers.stop", "c", { signal: "INT", timeout: 3 }],
      ],
      ["POST /containers/c/restart", 204, ["containers.restart", "c", {}]],
      ["POST /containers/c/kill?signal=9", 204, ["containers.kill", "c", "9"]],
      ["POST /containers/c/rename?name=d", 204, ["containers.rename", "c", "d"]],
      ["POST /containers/c/resize?h=4&w=5", 200, ["containers.resize", "c", { height: 4, width: 5 }]],
      [
        "DELETE /containers/c?v=1&force=true",
        204,
        ["containers.remove", "c", { force: true, volumes: true, link: false }],
      ],
      ["POST /exec/e/resize?h=4&w=5", 200, ["exec.resize", "e", { height: 4, width: 5 }]],
    ];
    for (const [line, status, call] of actions) {
      const [method = "", target = ""] = line.split(" ");
      const answer = await ask(method, target);
      expect([line, answer.status, answer.body, engine.calls.at(-1)]).toEqual([line, status, "", call]);
    }
  });

  test("start takes a body from old clients only, but an empty object from all", async () => {
    const config = { Binds: ["/a:/b"] };
    expect((await ask("POST", "/v1.20/containers/c/start", config)).status).toBe(204);
    expect((await ask("POST", "/v1.40/containers/c/start", {})).status).toBe(204);
    expect(message(await ask("POST", "/v1.24/containers/c/start", config))).toContain(
      "non-empty request body",
    );
  });
});

describe("errors", () => {
  test("every kind has its status", async () => {
    const statuses = {
      "not-found": 404,
      conflict: 409,
      invalid: 400,
      forbidden: 403,
      unsupported: 501,
      unavailable: 503,
    };
    for (const [kind, status] of Object.entries(statuses)) {
      const answer = await ask("GET", `/containers/throw-${kind}/json`);
      expect([kind, answer.status, message(answer)]).toEqual([kind, status, `thrown: ${kind}`]);
    }
    expect(reported).toEqual([]);
  });

  test("not modified has no body", async () => {
    const answer = await ask("POST", "/containers/throw-not-modified/start");
    expect([answer.status, answer.body]).toEqual([304, ""]);
  });

  test("our own faults are reported", async () => {
    expect((await ask("GET", "/containers/throw-internal/json")).status).toBe(500);
    expect(reported.length).toBe(1);
  });

  test("clients before 1.23 get the bare sentence", async () => {
    expect((await ask("GET", "/v1.22/containers/throw-conflict/json")).body).toBe("thrown: conflict\n");
  });
});

describe("streams", () => {
  const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  const attach = (target: string, more = "") => `POST ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
  const raw = "Content-Type: application/vnd.docker.raw-stream\r\n";
  const multiplexed = "Content-Type: application/vnd.docker.multiplexed-stream\r\n";
  const switching = "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

  test("attach without an upgrade is answered as in 2013", async () => {
    const answer = await exchange(path, `${attach("/v1.6/containers/c/attach?stream=1&stdin=1&stdout=1")}hi`);
    expect(answer).toBe(`HTTP/1.1 200 OK\r\n${raw}\r\n${frame(1, "got hi").toString("latin1")}`);
    expect(engine.calls[0]?.slice(0, 2)).toEqual(["containers.attach", "c"]);
  });

  test("attach with an upgrade names the framing where the client knows it", async () => {
    const told = await exchange(path, attach("/v1.42/containers/c/attach?stream=1", upgrade));
    expect(told).toStartWith(`HTTP/1.1 101 UPGRADED\r\n${multiplexed}${switching}`);
    const old = await exchange(path, attach("/v1.41/containers/c/attach?stream=1", upgrade));
    expect(old).toStartWith(`HTTP/1.1 101 UPGRADED\r\n${raw}${switching}`);
    const tty = await exchange(path, attach("/v1.51/containers/tty/attach?stream=1", upgrade));
    expect(tty).toStartWith(`HTTP/1.1 101 UPGRADED\r\n${raw}${switching}`);
  });

  test("an attach that fails is answered as JSON, upgrade or not", async () => {
    const answer = await exchange(path, attach("/containers/throw-not-found/attach", upgrade));
    expect(answer).toStartWith("HTTP/1.1 404 Not Found\r\n");
    expect(answer).toEndWith('{"message":"thrown: not-found"}\n');
  });

  test("the head of an attach comes only once the attachment is in place", async () => {
    using client = await openClient(path);
    client.socket.write(attach("/containers/slow/attach?stream=1", upgrade));
    await Bun.sleep(30);
    expect(client.received()).toBe("");
    engine.release();
    await client.until("UPGRADED");
  });

  test("exec start attaches, or answers at once when detached", async () => {
    const body = '{"Detach":false,"Tty":true,"ConsoleSize":[3,4]}';
    const fields = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${upgrade}`;
    const answer = await exchange(path, `${attach("/v1.51/exec/e/start", fields)}${body}in`);
    expect(answer).toBe(`HTTP/1.1 101 UPGRADED\r\n${raw}${switching}got in`);
    expect((await ask("POST", "/exec/e/start", { Detach: true })).status).toBe(200);
    expect(engine.calls).toEqual([
      ["exec.start", "e", { tty: true, consoleSize: [3, 4] }],
      ["exec.startDetached", "e"],
    ]);
  });

  test("wait sends its head at once and the exit when it comes, and before 1.30 both together", async () => {
    using client = await openClient(path);
    client.socket.write(attach("/v1.51/containers/slow/wait?condition=next-exit"));
    await client.until("Content-Type: application/json\r\n");
    await client.until("\r\n\r\n");
    expect(client.received()).toEndWith("\r\n\r\n");
    using old = await openClient(path);
    old.socket.write(attach("/v1.29/containers/slow/wait"));
    await Bun.sleep(20);
    expect(old.received()).toBe("");
    engine.release();
    await client.until('{"StatusCode":7}\n\r\n0\r\n\r\n');
    await old.until('{"StatusCode":7}\n');
  });

  test("events come a line each, and the backend is told when the client leaves", async () => {
    using client = await openClient(path);
    client.socket.write("GET /events?since=5 HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.until('"Action":"start"');
    client.socket.destroy();
    for (let n = 0; n < 100 && !engine.left; n++) await Bun.sleep(5);
    expect(engine.left).toBe(true);
  });

  test("logs name their framing by the client's version", async () => {
    expect((await ask("GET", "/v1.51/containers/c/logs?stdout=1")).head).toContain("multiplexed-stream");
    expect((await ask("GET", "/v1.41/containers/c/logs?stdout=1")).head).toContain("raw-stream");
    expect((await ask("GET", "/containers/tty/logs?stderr=1&tail=3")).head).toContain("raw-stream");
    expect(engine.calls.at(-1)?.[2]).toMatchObject({ stdout: false, stderr: true, tail: 3, since: 0 });
  });

  test("an import reads the body to its end and tells the ID", async () => {
    const answer = await ask(
      "POST",
      "/images/create?fromSrc=-&repo=a&tag=b&changes=CMD+x&changes=ENV+y=z",
      "tarbytes",
    );
    expect(answer.body).toContain('{"status":"sha256:8"}');
    expect(engine.calls).toEqual([["images.import", { reference: "a:b", changes: ["CMD x", "ENV y=z"] }]]);
  });

  test("a pull says that it cannot be done, and what can", async () => {
    const answer = await ask("POST", "/images/create?fromImage=busybox&tag=latest");
    expect(answer.status).toBe(501);
    expect(message(answer)).toContain("docker import");
  });

  test("a receipt is JSON, or text as it happens", async () => {
    expect(JSON.parse((await ask("GET", "/containers/c/receipt")).body)).toEqual({
      Id: "c",
      Name: "/c",
      Steps: [],
    });
    const text = await ask("GET", "/containers/c/receipt?format=text&follow=1");
    expect(text.body).toContain("mounted /proc");
  });
});

describe("listening", () => {
  const start = (listener: Parameters<typeof serve>[0]["listeners"][number]) =>
    serve({ backends: engine.backends, listeners: [listener], report: () => undefined });

  test("the socket is its group's and nobody else's, and is removed at the end", async () => {
    const own = `${directory.path}/mode.sock`;
    const server = await start({ kind: "unix", path: own, group: "daemon" });
    const { mode, gid } = await stat(own);
    expect([mode & 0o777, gid]).toEqual([0o660, 1]);
    await server.close();
    expect(await Bun.file(own).exists()).toBe(false);
  });

  test("a socket that answers is left alone", async () => {
    await expect(start({ kind: "unix", path })).rejects.toThrow(`a daemon already listens on ${path}`);
    expect((await ask("GET", "/_ping")).status).toBe(200);
  });

  test("a socket that nobody answers on is replaced", async () => {
    const stale = `${directory.path}/stale.sock`;
    const script = `require("net").createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, "SIGKILL"))`;
    await Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "ignore", "ignore"] }).exited;
    expect((await stat(stale)).isSocket()).toBe(true);
    await (await start({ kind: "unix", path: stale })).close();
  });

  test("a file that is not a socket is left alone", async () => {
    await writeFile(`${directory.path}/file`, "kept");
    await expect(start({ kind: "unix", path: `${directory.path}/file` })).rejects.toThrow("not a socket");
    await mkdir(`${directory.path}/dir`);
    await expect(start({ kind: "unix", path: `${directory.path}/dir` })).rejects.toThrow("not a socket");
  });

  test("TCP serves on a loopback address, and on another only when that is allowed by name", async () => {
    const server = await start({ kind: "tcp", host: "127.0.0.1", port: 0 });
    const [address = ""] = server.addresses;
    expect(await (await fetch(`${address.replace("tcp", "http")}/_ping`)).text()).toBe("OK");
    await server.close();
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "127.0.0.1.example.org"]) {
      await expect(start({ kind: "tcp", host, port: 0 })).rejects.toThrow("without TLS");
    }
    await (await start({ kind: "tcp", host: "0.0.0.0", port: 0, insecure: true })).close();
  });

  test("when one listener fails the others stop", async () => {
    const first = `${directory.path}/first.sock`;
    const listeners = [{ kind: "unix", path: first } as const, { kind: "unix", path } as const];
    await expect(serve({ backends: engine.backends, listeners, report: () => undefined })).rejects.toThrow(
      "already",
    );
    expect(await Bun.file(first).exists()).toBe(false);
  });

  test("a taken port is told", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    await expect(start({ kind: "tcp", host: "127.0.0.1", port })).rejects.toThrow(
      "cannot listen on tcp://127.0.0.1",
    );
    other.close();
  });

  test("closing lets an answer under way finish and ends streams and idle connections", async () => {
    const own = `${directory.path}/close.sock`;
    const server = await start({ kind: "unix", path: own });
    using idle = await openClient(own);
    using events = await openClient(own);
    using attached = await openClient(own);
    using busy = await openClient(own);
    events.socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    await events.until("start");
    attached.socket.write(attachForever);
    await attached.until("UPGRADED");
    busy.socket.write("POST /containers/slow/start HTTP/1.1\r\nHost: x\r\n\r\n");
    await Bun.sleep(20);
    const closed = server.close(2000);
    await Promise.all([idle.end, events.end, attached.end]);
    expect(busy.received()).toBe("");
    engine.release();
    await closed;
    await busy.end;
    expect(busy.received()).toStartWith("HTTP/1.1 204 ");
  });
});

const attachForever =
  "POST /containers/c/attach?stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

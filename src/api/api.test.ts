import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type FakeApi, fakeApi, messageIn } from "./_test_api.ts";
import { exchange } from "./test_support.ts";

let api: FakeApi;
beforeAll(async () => {
  api = await fakeApi();
});
beforeEach(() => api.forget());
afterAll(() => api[Symbol.asyncDispose]());

describe("versions and pages", () => {
  test("_ping has Docker's headers, for GET and HEAD", async () => {
    for (const method of ["GET", "HEAD"]) {
      const { status, head, body } = await api.ask(method, "/_ping");
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
      expect((await api.ask("GET", `${version}/version`)).status).toBe(200);
    }
  });

  test("other versions are refused in Docker's words", async () => {
    expect(messageIn(await api.ask("GET", "/v1.99/version"))).toBe(
      "client version 1.99 is too new. Maximum supported API version is 1.51",
    );
    const old = await api.ask("GET", "/v1.3/version");
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
      const answer = await api.ask(method ?? "", target ?? "");
      expect(answer.status).toBe(404);
      expect(answer.body).toBe('{"message":"page not found"}\n');
    }
  });

  test("image names keep their slashes, encoded or not", async () => {
    await api.ask("GET", "/v1.51/images/reg.example/a/b:c/json");
    await api.ask("GET", "/images/a%2Fb%3Ac/json");
    await api.ask("DELETE", "/images/a/b?force=1&noprune=1");
    await api.ask("POST", "/images/a/b/tag?repo=x/y&tag=z");
    expect(api.engine.calls).toEqual([
      ["images.inspect", "reg.example/a/b:c"],
      ["images.inspect", "a/b:c"],
      ["images.remove", "a/b", { force: true, prune: false, platforms: [] }],
      ["images.tag", "a/b", "x/y:z"],
    ]);
  });

  test("a path that cannot be decoded is refused", async () => {
    expect((await api.ask("GET", "/images/%zz/json")).status).toBe(400);
    expect((await api.ask("GET", "/containers/a%00b/json")).status).toBe(400);
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
    const answer = await api.ask("POST", "/containers/create?name=web", body);
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body)).toEqual({ Id: "c1", Warnings: [] });
    const wanted = { Image: "i", Cmd: ["true"], Entrypoint: ["a"], HostConfig: { Memory: 5 } };
    expect(api.engine.calls).toEqual([["containers.create", wanted, { name: "web" }]]);
  });

  test("StartInterval of a health check begins with version 1.44", async () => {
    const Healthcheck = { Test: ["CMD", "true"], StartInterval: 1e9 };
    for (const version of ["1.43", "1.44"])
      await api.ask("POST", `/v${version}/containers/create`, { Image: "i", Healthcheck });
    expect(api.engine.calls.map(([, wanted]) => wanted)).toEqual([
      { Image: "i", Healthcheck: { Test: ["CMD", "true"] } },
      { Image: "i", Healthcheck },
    ]);
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
      const answer = await api.ask("POST", "/containers/create", body);
      expect(answer.status).toBe(400);
      expect(messageIn(answer)).toContain(wording);
      expect(api.engine.calls).toEqual([]);
    });
  }

  test("another content type is refused", async () => {
    const answer = await api.ask("POST", "/containers/create", "{}", "text/plain");
    expect(messageIn(answer)).toBe(
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    );
  });

  test("more than 16 MiB of JSON is refused before it is read", async () => {
    const head = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    const answer = await exchange(api.path, `${head}Content-Length: 16777217\r\n\r\n`);
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(answer).toContain('{"message":"the request');
    const chunk = Buffer.alloc(17 * 2 ** 20, " ");
    const streamed = await exchange(api.path, `${head}Transfer-Encoding: chunked\r\n\r\n1100000\r\n`, chunk);
    expect(streamed).toStartWith("HTTP/1.1 413 ");
  });
});

describe("parameters", () => {
  test("container lists: the last N are of all, and filters come in both notations", async () => {
    await api.ask("GET", '/containers/json?limit=2&filters={"label":["a","b"]}');
    await api.ask("GET", `/containers/json?all=false&filters=${encodeURIComponent('{"label":{"a":true}}')}`);
    expect(api.engine.calls).toEqual([
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
      expect([line, (await api.ask(method, target)).status]).toEqual([line, 400]);
    }
    expect(api.engine.calls).toEqual([]);
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
      const answer = await api.ask(method, target);
      expect([line, answer.status, answer.body, api.engine.calls.at(-1)]).toEqual([line, status, "", call]);
    }
  });

  test("start takes a body from old clients only, but an empty object from all", async () => {
    const config = { Binds: ["/a:/b"] };
    expect((await api.ask("POST", "/v1.20/containers/c/start", config)).status).toBe(204);
    expect((await api.ask("POST", "/v1.40/containers/c/start", {})).status).toBe(204);
    expect(messageIn(await api.ask("POST", "/v1.24/containers/c/start", config))).toContain(
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
      const answer = await api.ask("GET", `/containers/throw-${kind}/json`);
      expect([kind, answer.status, messageIn(answer)]).toEqual([kind, status, `thrown: ${kind}`]);
    }
    expect(api.reported).toEqual([]);
  });

  test("not modified has no body", async () => {
    const answer = await api.ask("POST", "/containers/throw-not-modified/start");
    expect([answer.status, answer.body]).toEqual([304, ""]);
  });

  test("our own faults are reported", async () => {
    expect((await api.ask("GET", "/containers/throw-internal/json")).status).toBe(500);
    expect(api.reported.length).toBe(1);
  });

  test("clients before 1.23 get the bare sentence", async () => {
    expect((await api.ask("GET", "/v1.22/containers/throw-conflict/json")).body).toBe("thrown: conflict\n");
  });
});

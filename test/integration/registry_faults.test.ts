/** Pulls and pushes through a server that breaks, corrupts, refuses and lies: what comes is right or nothing, and what failed is said. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  answering,
  corrupted,
  cutAfter,
  type Engine,
  eventually,
  type FaultProxy,
  type Registry,
  startFathom,
  startFaultProxy,
  startRegistry,
  tarOf,
} from "../harness/mod.ts";

let engine: Engine;
let registry: Registry;
let proxy: FaultProxy;
/** Bytes that do not compress. */
const NOISE = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("latin1");
const SIZE = 20;
beforeAll(async () => {
  [engine, registry] = await Promise.all([startFathom({ bare: true }), startRegistry()]);
  proxy = startFaultProxy(`127.0.0.1:${registry.port}`);
  const archive = tarOf([{ path: "noise", content: NOISE.repeat(SIZE) }]);
  await engine.output("docker", ["import", "-", `${registry.host}/noise:1`], { input: archive });
  await engine.output("docker", ["push", `${registry.host}/noise:1`]);
  await engine.output("docker", ["rmi", `${registry.host}/noise:1`]);
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  proxy.faults.length = 0;
  proxy.seen.length = 0;
  const { stdout } = await engine.command("docker", ["images", "-aq"]);
  for (const id of new Set(stdout.split("\n").filter(Boolean)))
    await engine.command("docker", ["rmi", "-f", id]);
});

const name = () => `${proxy.host}/noise:1`;
const pull = (...args: string[]) => engine.command("docker", ["pull", ...args, name()]);
const LAYER = /\/blobs\/sha256:/;
/** The layer's requests: the configuration's come first. */
const layerRequests = () =>
  proxy.seen.filter(({ path, method }) => LAYER.test(path) && method === "GET").slice(1);
/** Bytes a fault that shall meet the layer and not the configuration leaves alone. */
const onlyLayer = (act: (typeof proxy.faults)[number]["act"]): (typeof proxy.faults)[number]["act"] => {
  return async (request, pass) => {
    const reply = await pass();
    const isLayer = Number(reply.headers.get("content-length")) > 10_000;
    if (isLayer) return act(request, async () => reply);
    proxy.faults.push({ path: LAYER, times: 1, act: onlyLayer(act) });
    return reply;
  };
};

async function nothingVisible(): Promise<void> {
  expect(await engine.output("docker", ["images", "-aq"])).toBe("");
  const left = async (path: string) => readdir(join(engine.dataRoot, path)).catch(() => []);
  await eventually("unfinished files to be gone", async () => {
    const counts = await Promise.all(["images/ingest", "layers/ingest", "images/blobs/sha256"].map(left));
    return counts.flat().length === 0;
  });
}

describe("a pull", () => {
  test("goes on where the connection broke, by a range", async () => {
    proxy.faults.push({ path: LAYER, times: 1, act: onlyLayer(cutAfter(500_000)) });
    const { status, stderr } = await pull();
    expect([status, stderr]).toEqual([0, ""]);
    const ranges = layerRequests().map(({ headers }) => headers.get("range"));
    expect(ranges[0]).toBeNull();
    expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test("fetches a layer once more whose bytes were changed", async () => {
    proxy.faults.push({ path: LAYER, times: 1, act: onlyLayer(corrupted) });
    expect((await pull()).status).toBe(0);
    expect(layerRequests()).toHaveLength(2);
  });

  test("refuses a layer whose bytes are always changed, and leaves nothing", async () => {
    const always = () => onlyLayer(corrupted);
    proxy.faults.push({ path: LAYER, times: 9, act: always() });
    const { status, stderr } = await pull();
    expect(status).toBe(1);
    expect(stderr).toMatch(/damaged|changed on the way|content that should be/);
    await nothingVisible();
  });

  test("tries again after 500 and 503, and waits as long as 429 asks", async () => {
    proxy.faults.push({ path: /manifests/, times: 1, act: answering(500) });
    proxy.faults.push({ path: LAYER, times: 1, act: answering(503, { "Retry-After": "0" }) });
    proxy.faults.push({ path: LAYER, times: 1, act: answering(429, { "Retry-After": "1" }) });
    expect((await pull()).status).toBe(0);
  });

  test("says in words that the registry's limit is reached", async () => {
    const headers = { "Retry-After": "3600", "ratelimit-limit": "100;w=21600" };
    const body = JSON.stringify({
      errors: [{ code: "TOOMANYREQUESTS", message: "You have reached your limit" }],
    });
    proxy.faults.push({ path: /manifests/, times: 99, act: answering(429, headers, body) });
    const { stderr } = await pull();
    expect(stderr).toContain("toomanyrequests: You have reached your limit");
    expect(stderr).toContain("it allows 100 pulls in 360 minutes, try again in 3600 seconds");
  });

  test("refuses a manifest of another digest than was asked for", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    proxy.faults.push({ path: /manifests/, times: 9, act: answering(200, {}, "{}") });
    const { stderr } = await engine.command("docker", ["pull", `${proxy.host}/noise@${digest}`]);
    expect(stderr).toContain(`manifest verification failed for digest ${digest}`);
  });

  test.each([
    ["no JSON", "{", "is not JSON"],
    ["a list", "[]", "is not a JSON object"],
    ["nested without end", "[".repeat(1_000_000), "is not JSON"],
    ["schema 1", '{"schemaVersion":1}', "schema 1"],
    ["without layers", '{"schemaVersion":2,"config":{"digest":"x"}}', "not of the form sha256:"],
    [
      "an index and an image",
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[]}',
      "an index and an image at once",
    ],
    [
      "an artifact",
      `{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"sha256:${"0".repeat(64)}","size":2},"layers":[]}`,
      'Encountered remote "application/vnd.cncf.helm.config.v1+json"(unknown) when fetching',
    ],
    ["of 5 MB", `{"schemaVersion":2,"x":"${"y".repeat(5_000_000)}"}`, "is longer than 4194304 bytes"],
  ])("refuses a manifest that is %s", async (_, body, sentence) => {
    const headers = { "Content-Type": "application/vnd.oci.image.manifest.v1+json" };
    proxy.faults.push({ path: /manifests/, times: 9, act: answering(200, headers, body) });
    const { status, stderr } = await pull();
    expect([status, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    await nothingVisible();
  });

  test("refuses a layer that is longer than its descriptor says", async () => {
    proxy.faults.push({
      path: LAYER,
      times: 9,
      act: async (_, pass) => {
        const bytes = Buffer.from(await (await pass()).arrayBuffer());
        return new Response(Buffer.concat([bytes, bytes]));
      },
    });
    expect((await pull()).stderr).toMatch(/should have \d+ bytes, and localhost:\d+ gives \d+/);
    await nothingVisible();
  });

  test("tells nobody at the end of a redirect who asks", async () => {
    const elsewhere: (string | null)[] = [];
    const other = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        elsewhere.push(request.headers.get("authorization"));
        const { pathname } = new URL(request.url);
        const reply = await fetch(`http://127.0.0.1:${registry.port}${pathname}`, { decompress: false });
        return new Response(reply.body, { headers: reply.headers });
      },
    });
    const act = async (request: Request) =>
      Response.redirect(`http://127.0.0.1:${other.port}${new URL(request.url).pathname}`, 307);
    proxy.faults.push({
      path: /manifests/,
      times: 1,
      act: answering(401, { "WWW-Authenticate": 'Basic realm="test"' }),
    });
    proxy.faults.push({ path: LAYER, times: 9, act });
    const auth = Buffer.from(JSON.stringify({ username: "u", password: "p" })).toString("base64url");
    const reply = await fetch(
      `http://x/images/create?fromImage=${encodeURIComponent(`${proxy.host}/noise`)}&tag=1`,
      {
        unix: engine.socket,
        method: "POST",
        headers: { "X-Registry-Auth": auth },
      },
    );
    expect(await reply.text()).toContain("Downloaded newer image");
    await other.stop(true);
    expect(proxy.seen.some(({ headers }) => headers.get("authorization") !== null)).toBe(true);
    expect(new Set(elsewhere)).toEqual(new Set([null]));
  });

  test("ends when its client leaves, unless another waits for the same layer", async () => {
    const slow = Promise.withResolvers<void>();
    const held = onlyLayer(async (_, pass) => {
      await slow.promise;
      return pass();
    });
    proxy.faults.push({ path: LAYER, times: 1, act: held });
    const leaving = new AbortController();
    const request = (signal: AbortSignal) =>
      fetch(`http://x/images/create?fromImage=${encodeURIComponent(`${proxy.host}/noise`)}&tag=1`, {
        unix: engine.socket,
        method: "POST",
        signal,
      }).then((reply) => reply.text());
    const first = request(leaving.signal).catch(() => "left");
    await eventually("the layer to be asked for", async () => layerRequests().length === 1);
    const second = request(new AbortController().signal);
    await eventually(
      "both to have asked",
      async () => proxy.seen.filter(({ path }) => /manifests/.test(path)).length >= 2,
    );
    await Bun.sleep(100);
    leaving.abort();
    expect(await first).toBe("left");
    slow.resolve();
    expect(await second).toContain("Downloaded newer image");
    const [{ path: layer = "" } = {}] = layerRequests();
    expect(proxy.seen.filter(({ path, method }) => method === "GET" && path === layer)).toHaveLength(1);
  });

  test("goes on after the daemon was killed in its midst", async () => {
    const act = onlyLayer(async (_, pass) => {
      const whole = new Uint8Array(await (await pass()).arrayBuffer());
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(whole.subarray(0, whole.length - 10_000));
        },
      });
      return new Response(body);
    });
    proxy.faults.push({ path: LAYER, times: 1, act });
    const cut = pull();
    await eventually("most of the layer", async () => {
      const [part] = await readdir(join(engine.dataRoot, "images/partial")).catch(() => []);
      return part !== undefined && Bun.file(join(engine.dataRoot, "images/partial", part)).size > 500_000;
    });
    await engine.kill();
    expect((await cut).status).not.toBe(0);
    await engine.start();
    proxy.seen.length = 0;
    expect((await pull()).status).toBe(0);
    expect(layerRequests()[0]?.headers.get("range")).toMatch(/^bytes=\d{6,}-$/);
  });
});

describe("a push", () => {
  const push = async () => {
    await engine.output("docker", ["pull", "-q", name()]);
    await engine.output("docker", ["tag", name(), `${proxy.host}/again:1`]);
    return engine.command("docker", ["push", `${proxy.host}/again:1`]);
  };
  const without = answering(404);

  test("begins an upload anew that was refused for a moment", async () => {
    proxy.faults.push({ path: LAYER, method: "HEAD", times: 2, act: without });
    proxy.faults.push({ path: /mount=/, method: "POST", times: 2, act: answering(405) });
    proxy.faults.push({ path: /uploads/, method: "PUT", times: 1, act: answering(502) });
    const { status, stdout } = await push();
    expect([status, stdout]).toEqual([0, expect.stringContaining(": Pushed\n")]);
  });

  test("goes up in chunks where it is too large in one piece", async () => {
    proxy.faults.push({ path: LAYER, method: "HEAD", times: 1, act: without });
    proxy.faults.push({ path: /mount=/, method: "POST", times: 1, act: answering(405) });
    proxy.faults.push({ path: /uploads/, method: "PUT", times: 1, act: answering(413) });
    const { status } = await push();
    expect(status).toBe(0);
    expect(proxy.seen.filter(({ method }) => method === "PATCH").length).toBeGreaterThan(0);
  });

  test("says what the registry says", async () => {
    const body = JSON.stringify({ errors: [{ code: "DENIED", message: "requested access is denied" }] });
    proxy.faults.push({ path: /manifests/, method: "PUT", times: 1, act: answering(403, {}, body) });
    expect((await push()).stderr).toContain("denied: requested access is denied");
  });
});

/** Against a registry that breaks uploads and says how much of them it has. */

import { expect, test } from "bun:test";
import { digestOf } from "../spec/digest.ts";
import { openRegistries } from "./registries.ts";
import { REGISTRY_DEFAULTS } from "./settings.ts";

const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));

/** What an upload that breaks leaves in the registry, and what that says of it. */
interface Breaking {
  keeps: (bytes: Buffer) => Buffer;
  tells: (length: number) => Response;
}

function brokenRegistry({ keeps, tells }: Breaking) {
  const heard: string[] = [];
  let kept: Buffer = Buffer.alloc(0);
  let broke = false;
  const begun = (): Response => {
    kept = Buffer.alloc(0);
    return new Response(null, { status: 202, headers: { Location: "/v2/it/blobs/uploads/1" } });
  };
  const added = async (request: Request): Promise<Response | undefined> => {
    const bytes = Buffer.from(await request.arrayBuffer());
    if (bytes.length === 0) return undefined;
    kept = Buffer.concat([kept, broke ? bytes : keeps(bytes)]);
    if (broke) return undefined;
    broke = true;
    return new Response("broken", { status: 503 });
  };
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v2/") return new Response("{}");
    heard.push([request.method, request.headers.get("content-range") ?? ""].join(" ").trim());
    if (request.method === "POST") return begun();
    if (request.method === "GET") return tells(kept.length);
    const failed = await added(request);
    if (failed !== undefined) return failed;
    const headers = { Location: pathname };
    if (request.method === "PATCH") return new Response(null, { status: 202, headers });
    const isWhole = new URL(request.url).searchParams.get("digest") === digestOf(kept);
    return isWhole ? new Response(null, { status: 201 }) : new Response("digest", { status: 400 });
  };
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  return {
    host: `localhost:${server.port}`,
    heard,
    kept: () => kept,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function pushTo(registry: { host: string }): Promise<void> {
  const registries = openRegistries({ ...REGISTRY_DEFAULTS, backoffMs: 1 });
  const place = {
    domain: registry.host,
    path: "it",
    credentials: {},
    mountFrom: [],
    signal: new AbortController().signal,
  };
  const read = async function* (from: number, to: number) {
    yield CONTENT.subarray(from, to);
  };
  await registries.pushing(place, (repository) =>
    repository.putBlob({ digest: digestOf(CONTENT), size: CONTENT.length, read }),
  );
}

const half = (bytes: Buffer): Buffer => bytes.subarray(0, 400);
const told = (length: number): Response =>
  new Response(null, { status: 204, headers: { Range: `0-${length - 1}` } });

test("an upload that broke goes on behind what the registry has of it", async () => {
  await using registry = brokenRegistry({ keeps: half, tells: told });
  await pushTo(registry);
  expect(registry.heard).toEqual(["POST", "PUT", "GET", "PATCH 400-999", "PUT"]);
  expect(registry.kept().equals(CONTENT)).toBeTrue();
});

test.each<[string, Breaking["tells"]]>([
  ["no longer knows it", () => new Response("unknown", { status: 404 })],
  ["says nothing of its length", () => new Response(null, { status: 204 })],
  ["has nothing", () => new Response(null, { status: 204, headers: { Range: "0-0" } })],
  ["claims to have more than there is", () => told(5000)],
])("it is begun anew where the registry %s", async (_, tells) => {
  await using registry = brokenRegistry({ keeps: half, tells });
  await pushTo(registry);
  expect(registry.heard).toEqual(["POST", "PUT", "GET", "POST", "PUT"]);
  expect(registry.kept().equals(CONTENT)).toBeTrue();
});

test("it is begun anew where what the registry kept is not what it was given", async () => {
  await using registry = brokenRegistry({ keeps: (bytes) => Buffer.alloc(400, bytes[7]), tells: told });
  await pushTo(registry);
  expect(registry.heard).toEqual(["POST", "PUT", "GET", "PATCH 400-999", "PUT", "POST", "PUT"]);
  expect(registry.kept().equals(CONTENT)).toBeTrue();
});

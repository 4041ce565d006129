/** Lists of manifests, made by the docker command and by ours, each alone and one going on with what the other began. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, type Registry, startEngine, startRegistry } from "../harness/mod.ts";
import { CLIENTS, ON_DOCKER } from "./client.ts";

let engine: Engine;
let registry: Registry;
let home: string;
beforeAll(async () => {
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
  home = await mkdtemp(join(tmpdir(), "fathom-test-lists-"));
  await published("base", "amd64");
  await published("other", "arm64");
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

const digestOf = (content: string) =>
  `sha256:${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`;
const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const root = () => `http://127.0.0.1:${registry.port}/v2`;

/** Makes an image without layers, tagged 1. */
async function published(name: string, architecture: string): Promise<void> {
  const config = JSON.stringify({ architecture, os: "linux", rootfs: { type: "layers", diff_ids: [] } });
  const begun = await fetch(`${root()}/${name}/blobs/uploads/`, { method: "POST" });
  const place = new URL(begun.headers.get("location") ?? "", root());
  place.searchParams.set("digest", digestOf(config));
  expect((await fetch(place, { method: "PUT", body: config })).status).toBe(201);
  const mediaType = "application/vnd.docker.container.image.v1+json";
  const described = { mediaType, size: config.length, digest: digestOf(config) };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: described, layers: [] });
  const reply = await fetch(`${root()}/${name}/manifests/1`, {
    method: "PUT",
    headers: { "Content-Type": MANIFEST },
    body: manifest,
  });
  expect(reply.status).toBe(201);
}

const typed = (client: (typeof CLIENTS)[number], args: string[]) =>
  engine.command(client, args, { env: { DOCKER_CONFIG: home, HOME: home } });

async function printed(client: (typeof CLIENTS)[number], args: string[]): Promise<string> {
  const { status, stdout, stderr } = await typed(client, args);
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return stdout;
}

const fetched = (name: string) =>
  fetch(`${root()}/${name.replace(":", "/manifests/")}`, { headers: { Accept: LIST } });

describe.each(CLIENTS)("%s", (client) => {
  const at = (name: string) => `${registry.host}/${name}`;
  const list = () => at(`base:by-${client}`);
  const begin = () =>
    typed(client, ["manifest", "create", "--insecure", list(), at("base:1"), at("other:1")]);

  test("a list is made, annotated, shown, pushed and forgotten", async () => {
    expect((await begin()).stdout).toBe(`Created manifest list ${list()}\n`);
    expect((await begin()).stderr).toContain(
      "refusing to amend an existing manifest list with no --amend flag",
    );
    const other = at("other:1");
    await printed(client, ["manifest", "annotate", list(), other, "--variant", "v8", "--os-version", "9"]);
    expect(await printed(client, ["manifest", "annotate", list(), other, "--os-features", "x,y"])).toBe("");
    const shown = await printed(client, ["manifest", "inspect", list()]);
    expect(JSON.parse(shown).manifests).toMatchObject([
      { mediaType: MANIFEST, platform: { architecture: "amd64", os: "linux" } },
      { platform: { architecture: "arm64", variant: "v8", "os.version": "9", "os.features": ["x", "y"] } },
    ]);
    const pushed = await printed(client, ["manifest", "push", "--insecure", "--purge", list()]);
    const lines = pushed.trim().split("\n");
    expect(lines[0]).toMatch(new RegExp(`^Pushed ref ${at("base")}@(sha256:[0-9a-f]{64}) with digest: \\1$`));
    const reply = await fetched(`base:by-${client}`);
    expect(reply.headers.get("content-type")).toBe(LIST);
    const text = await reply.text();
    expect([text, digestOf(text)]).toEqual([shown.trimEnd(), lines[1] ?? ""]);
    expect((await typed(client, ["manifest", "push", "--insecure", list()])).stderr).toContain(
      `No such manifest: ${list()}`,
    );
  });

  test("what is not there, or is no image, is refused", async () => {
    const failing = async (...args: string[]) => {
      const { status, stderr } = await typed(client, args);
      expect(status).toBe(1);
      return stderr;
    };
    await printed(client, ["manifest", "create", "--insecure", list(), at("base:1")]);
    expect(await failing("manifest", "annotate", list(), at("none:1"), "--arch", "arm")).toContain(
      `manifest for image ${at("none:1")} does not exist in ${list()}`,
    );
    expect(await failing("manifest", "annotate", list(), at("base:1"), "--arch", "vax")).toContain(
      "manifest entry for image has unsupported os/arch combination: ",
    );
    expect(await failing("manifest", "create", "--insecure", at("base:x"), at("none:1"))).toContain(
      `no such manifest: ${at("none:1")}`,
    );
    const both = await failing("manifest", "rm", list(), "nothing:1");
    expect(both).toContain("No such manifest: docker.io/library/nothing:1");
    expect(await failing("manifest", "rm", list())).toContain(`No such manifest: ${list()}`);
  });
});

test.skipIf(ON_DOCKER)(
  "either command goes on with a list that the other began, and both make the same of it",
  async () => {
    const list = `${registry.host}/base:both`;
    const [one, other] = [`${registry.host}/base:1`, `${registry.host}/other:1`];
    await printed("docker", ["manifest", "create", "--insecure", list, one]);
    await printed("fathom", ["manifest", "create", "--insecure", "--amend", list, other]);
    const system = ["--os", "windows", "--arch", "amd64"];
    await printed("docker", ["manifest", "annotate", list, other, ...system, "--variant", "v9"]);
    await printed("fathom", ["manifest", "annotate", list, other, "--os", "linux", "--arch", "arm"]);
    const shown = await printed("docker", ["manifest", "inspect", list]);
    expect(await printed("fathom", ["manifest", "inspect", list])).toBe(shown);
    const pushed = await printed("fathom", ["manifest", "push", list]);
    expect(await printed("docker", ["manifest", "push", "--insecure", list])).toBe(pushed);
    await printed("docker", ["manifest", "rm", list]);
  },
);

test.skipIf(ON_DOCKER)("the engine refuses what is no list, and images of another registry", async () => {
  const name = `${registry.host}/base:refused`;
  const empty = JSON.stringify({ schemaVersion: 2, mediaType: LIST, manifests: [] });
  const image = { Ref: "elsewhere.example/it@sha256:00", MediaType: MANIFEST, Raw: "{}" };
  const Ref = `elsewhere.example/it@${digestOf("it")}`;
  const refused = async (body: object) => {
    const { status, json } = await engine.request("PUT", `/distribution/${name}/manifest`, body);
    expect(status).toBe(400);
    return json;
  };
  expect(await refused({ MediaType: LIST, Raw: "no JSON", Images: [] })).toMatchObject({
    message: expect.any(String),
  });
  expect(await refused({ MediaType: LIST, Raw: empty, Images: [image] })).toEqual({
    message: "invalid reference format",
  });
  expect(await refused({ MediaType: LIST, Raw: empty, Images: [{ ...image, Ref }] })).toEqual({
    message: `cannot use source images from a different registry than the target image: elsewhere.example != ${registry.host}`,
  });
  expect((await fetched("base:refused")).status).toBe(404);
});

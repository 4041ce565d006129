/** Images as archives, their history and their removal, with the docker command and with ours. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive, type Engine, run, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
let directory: string;

beforeAll(async () => {
  engine = await startEngine();
  directory = await mkdtemp("/tmp/fathom-test-images-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

describe.each(CLIENTS)("%s", (client) => {
  const cli = commandLine(client, () => engine);
  const idOf = (name: string) => cli.output(["image", "inspect", "-f", "{{.Id}}", name]);
  const file = (name: string) => join(directory, `${client}-${name}`);

  /** An image of two layers, under these names. */
  async function twoLayers(...names: string[]): Promise<string> {
    const container = await cli.output(["create", ...NONE, "busybox", "true"]);
    await cli.output(["cp", "/etc/hostname", `${container}:/added`]);
    const id = await cli.output(["commit", "-m", "note", "-a", "me", container]);
    await cli.removed(container);
    for (const name of names) await cli.output(["tag", id, name]);
    return id;
  }

  test("save and load give back images with their names, IDs and files", async () => {
    const id = await twoLayers("saved:1", "saved:2");
    await cli.output(["save", "-o", file("one.tar"), "saved", "busybox"]);
    expect((await stat(file("one.tar"))).size).toBeGreaterThan(1_000_000);
    await cli.output(["rmi", "saved:1", "saved:2"]);
    const said = await cli.output(["load", "-i", file("one.tar")]);
    expect(said.split("\n").sort()).toEqual([
      "Loaded image: busybox:latest",
      "Loaded image: saved:1",
      "Loaded image: saved:2",
    ]);
    expect(await idOf("saved:2")).toBe(id);
    const { stdout } = await cli.runs(["saved:1", "ls", "/added"]);
    expect(stdout).toBe("/added\n");
    await cli.output(["rmi", "saved:1", "saved:2"]);
  });

  test("an ID is saved without a name, and loaded from standard input", async () => {
    const id = await twoLayers();
    const short = id.replace("sha256:", "").slice(0, 12);
    await cli.output(["save", "-o", file("id.tar"), short]);
    await cli.output(["rmi", id]);
    const input = await Bun.file(file("id.tar")).bytes();
    expect(await cli.output(["load"], { input })).toBe(`Loaded image ID: ${id}`);
    expect(await cli.output(["load", "-q"], { input })).toBe(`Loaded image ID: ${id}`);
    await cli.output(["rmi", id]);
  });

  test("a name goes over to what is loaded, which is said", async () => {
    const id = await twoLayers("moved:1");
    await cli.output(["save", "-o", file("moved.tar"), "moved:1"]);
    await cli.output(["tag", "busybox", "moved:1"]);
    const before = await idOf("busybox");
    expect(await cli.output(["load", "-i", file("moved.tar")])).toBe(
      `The image moved:1 already exists, renaming the old one with ID ${before} to empty string\nLoaded image: moved:1`,
    );
    expect(await idOf("moved:1")).toBe(id);
    await cli.output(["rmi", "moved:1"]);
  });

  test("what cannot be saved or loaded is said, and ends with 1", async () => {
    const missing = await cli.command(["save", "nosuch"]);
    expect([missing.status, missing.stderr]).toEqual([
      1,
      "Error response from daemon: No such image: nosuch\n",
    ]);
    const none = await cli.command(["load", "-i", "/nowhere/at/all.tar"]);
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("no such file or directory")]);
    const rubbish = await cli.command(["load"], { input: Buffer.alloc(4096, "rubbish") });
    expect(rubbish.status).toBe(1);
    await using terminal = cli.inTerminal(["save", "busybox"]);
    await terminal.see(/cowardly refusing to save to a terminal/);
  });

  test("history has Docker's columns, whole and in a template", async () => {
    const id = await twoLayers("told:1");
    const [heading, latest, first] = (await cli.output(["history", "told:1"])).split("\n");
    expect(heading).toMatch(/^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(latest).toMatch(new RegExp(`^${id.slice(7, 19)} .* ago +true +\\d+B +note$`));
    expect(first).toMatch(/ago .*MB +Imported from -$/);
    const format = "{{.ID}} {{.CreatedBy}} {{.Comment}}";
    const whole = await cli.output(["history", "--no-trunc", "--human=false", "--format", format, "told:1"]);
    expect(whole.split("\n")[0]).toBe(`${id} true note`);
    const sizes = await cli.output(["history", "--human=false", "--format", "{{.Size}}", "told:1"]);
    expect(Number(sizes.split("\n")[1])).toBeGreaterThan(1_000_000);
    expect((await cli.output(["history", "-q", "told:1"])).split("\n")[0]).toBe(id.slice(7, 19));
    expect((await cli.command(["history", "nosuch"])).stderr).toContain("No such image: nosuch:latest");
    await cli.output(["rmi", "told:1"]);
  });
});

describe.each(CLIENTS)("%s, of images that were made from each other,", (client) => {
  const cli = commandLine(client, () => engine);

  /** Commits a container of an image, with one more file. */
  async function madeFrom(image: string, name: string, tag?: string): Promise<string> {
    const container = await cli.output(["create", ...NONE, image, "true"]);
    await cli.output(["cp", "/etc/hostname", `${container}:/${name}`]);
    const id = await cli.output(["commit", container, ...(tag === undefined ? [] : [tag])]);
    await cli.removed(container);
    return id;
  }
  const listed = async (...args: string[]) =>
    (await cli.output(["images", "-q", "--no-trunc", ...args])).split("\n");
  const refused = async (...args: string[]) => {
    const { status, stderr } = await cli.command(["rmi", ...args]);
    expect(status).toBe(1);
    return stderr.trim();
  };

  test("shows those without a name only with --all, and neither removes nor prunes what another stands on", async () => {
    const parent = await madeFrom("busybox", "one");
    const child = await madeFrom(parent, "two", "kid:1");
    expect(await listed()).not.toContain(parent);
    expect(await listed("--all")).toContain(parent);
    expect(await listed("--filter", "dangling=true")).not.toContain(parent);
    const short = parent.slice(7, 19);
    const sentence = `Error response from daemon: conflict: unable to delete ${short} (cannot be forced) - image has dependent child images`;
    expect(await refused(parent)).toBe(sentence);
    expect(await refused("-f", short)).toBe(sentence);
    expect(await cli.output(["history", "-q", "--no-trunc", "kid:1"])).toStartWith(`${child}\n${parent}\n`);
    await cli.output(["tag", parent, "parent:1"]);
    expect(await cli.output(["rmi", "parent:1"])).toBe("Untagged: parent:1");
    const lines = (await cli.output(["rmi", "kid:1"])).split("\n").map((line) => line.split(":")[0]);
    expect(lines).toEqual(["Untagged", "Deleted", "Deleted", "Deleted", "Deleted"]);
    expect(await listed("--all")).not.toContain(parent);
  });

  test("keeps parents with --no-prune, which may then be removed, and tells each step as an event", async () => {
    const since = String(Date.now() / 1000);
    const parent = await madeFrom("busybox", "one");
    const child = await madeFrom(parent, "two", "kid:2");
    const removed = (await cli.output(["rmi", "--no-prune", "kid:2"])).split("\n");
    expect(removed.slice(0, 2)).toEqual(["Untagged: kid:2", `Deleted: ${child}`]);
    expect(await listed()).toContain(parent);
    expect((await cli.output(["image", "prune", "-f"])).split("\n")).toContain(`deleted: ${parent}`);
    expect(await listed("--all")).not.toContain(parent);
    const until = ["--since", since, "--until", String(Date.now() / 1000)];
    const told = await cli.output([
      "events",
      ...until,
      "--filter",
      "type=image",
      "--format",
      "{{.Action}} {{.Actor.ID}}",
    ]);
    expect(told.split("\n").filter((line) => /untag|delete/.test(line))).toEqual([
      `untag ${child}`,
      `delete ${child}`,
      `delete ${parent}`,
    ]);
  });
});

test("an image is imported from an address, and it is said when nothing can be had there", async () => {
  const body = await busyboxArchive();
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      url.endsWith("/root.tar") ? new Response(body) : new Response("no", { status: 404 }),
  });
  const address = `http://127.0.0.1:${server.port}`;
  for (const client of CLIENTS) {
    const cli = commandLine(client, () => engine);
    const said = await cli.output(["import", "-c", "CMD true", `${address}/root.tar`, `${client}/from-url`]);
    expect(said).toMatch(/sha256:[0-9a-f]{64}$/);
    expect(await cli.output(["history", "--format", "{{.Comment}}", `${client}/from-url`])).toBe(
      `Imported from ${address}/root.tar`,
    );
    expect((await cli.runs([`${client}/from-url`])).status).toBe(0);
    const missing = await cli.command(["import", `${address}/nothing`]);
    expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("404")]);
    await cli.output(["rmi", `${client}/from-url`]);
  }
});

test.skipIf(ON_DOCKER)(
  "images as a tree have their platforms below them, and what was made from them",
  async () => {
    const [fathom, docker] = [commandLine("fathom", () => engine), commandLine("docker", () => engine)];
    const container = await docker.output(["create", ...NONE, "busybox", "true"]);
    await docker.output(["commit", container, "grown:1"]);
    const tree = await fathom.output(["images", "--tree"]);
    expect(tree).toMatch(/^IMAGE +ID +DISK USAGE +CONTENT SIZE +IN USE\n/);
    expect(tree).toMatch(/\nbusybox:latest .*U\n├─ linux\/\w+ .*U\n└─ grown:1 .*\n {3}└─ linux\/\w+ /);
    expect(await docker.output(["images", "--tree"])).toContain("grown:1");
    const { status, stderr } = await fathom.command(["images", "--tree", "-q"]);
    expect([status, stderr]).toEqual([1, "--quiet is not yet supported with --tree\n"]);
    await docker.removed(container);
    const own = `linux/${process.arch === "x64" ? "amd64" : "arm64"}`;
    const other = await fathom.command(["rmi", "--platform", "linux/riscv64", "grown:1"]);
    expect([other.status, other.stderr]).toEqual([1, expect.stringContaining(`is for ${own} only`)]);
    expect(await fathom.output(["rmi", "--platform", own, "grown:1"])).toStartWith("Untagged: grown:1");
  },
);

test("what a client of an old version asks for is answered", async () => {
  const { json } = await engine.request("GET", "/v1.19/images/busybox/history");
  expect(json).toEqual([expect.objectContaining({ CreatedBy: "", Size: expect.any(Number) })]);
  const nothing = await engine.request("POST", "/images/load?quiet=1", {});
  expect([nothing.status, nothing.text]).toEqual([200, expect.stringContaining('"error":')]);
});

describe.skipIf(ON_DOCKER).each(CLIENTS)("%s, since API 1.48,", (client) => {
  const cli = commandLine(client, () => engine);
  const own = `linux/${process.arch === "x64" ? "amd64" : "arm64"}`;

  test("saves, loads and tells the history of one platform, and says when it has another", async () => {
    const path = join(directory, `${client}-platform.tar`);
    await cli.output(["save", "--platform", own, "-o", path, "busybox"]);
    expect(await cli.output(["load", "--platform", own, "-i", path])).toBe("Loaded image: busybox:latest");
    expect(await cli.output(["history", "--platform", own, "-q", "busybox"])).toMatch(/^[0-9a-f]{12}$/);
    for (const args of [
      ["save", "--platform", "linux/riscv64", "-o", `${path}.none`, "busybox"],
      ["load", "--platform", "linux/riscv64", "-i", path],
      ["history", "--platform", "linux/riscv64", "busybox"],
    ]) {
      const { status, stderr } = await cli.command(args);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/platform.*linux\/riscv64/)]);
    }
    expect(await Bun.file(`${path}.none`).exists()).toBe(false);
  });
});

test("a single image is saved by its own path, and several by one request", async () => {
  const one = await engine.request("GET", "/images/busybox/get");
  expect([one.status, one.text.includes("manifest.json")]).toEqual([200, true]);
  const several = await engine.request("GET", "/images/get?names=busybox&names=nosuch");
  expect([several.status >= 400, several.text]).toEqual([true, expect.stringContaining("nosuch")]);
});

test("events of an image carry its labels, except when it has gone", async () => {
  const { output } = engine;
  const from = (Date.now() / 1000).toFixed(9);
  const labels = ["-c", "LABEL a=b", "-c", "LABEL name=own"];
  const id = await output("docker", ["import", ...labels, "-", "labelled:1"], {
    input: new Uint8Array(1024),
  });
  await output("docker", ["tag", id, "labelled:2"]);
  await output("docker", ["save", "-o", join(directory, "labelled.tar"), "labelled:1"]);
  await output("docker", ["rmi", "labelled:1"]);
  await output("docker", ["rmi", "labelled:2"]);
  await output("docker", ["load", "-i", join(directory, "labelled.tar")]);
  await output("docker", ["rmi", "labelled:1"]);
  const until = (Date.now() / 1000).toFixed(9);
  const filters = encodeURIComponent('{"type":["image"]}');
  const { text } = await engine.request("GET", `/events?since=${from}&until=${until}&filters=${filters}`);
  const told = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { Action: string; Actor: { ID: string; Attributes: object } });
  expect(told.map(({ Actor }) => Actor.ID)).toEqual(told.map(() => id));
  expect(told.map(({ Action, Actor }) => [Action, Actor.Attributes])).toEqual([
    ["tag", { a: "b", name: "labelled:1" }],
    ["import", { a: "b", name: id }],
    ["tag", { a: "b", name: "labelled:2" }],
    ["save", { a: "b", name: id }],
    ["untag", { a: "b", name: id }],
    ["untag", { a: "b", name: id }],
    ["delete", { name: id }],
    ["load", { a: "b", name: id }],
    ["untag", { a: "b", name: id }],
    ["delete", { name: id }],
  ]);
});

test.skipIf(ON_DOCKER)("skopeo reads what is saved in either form, and its archives are loaded", async () => {
  await engine.output("docker", ["save", "-o", join(directory, "s.tar"), "busybox"]);
  const id = await engine.output("docker", ["image", "inspect", "-f", "{{.Id}}", "busybox"]);
  for (const [from, to] of [
    ["docker-archive:s.tar:busybox:latest", "docker-archive:d.tar:from/docker:1"],
    ["oci-archive:s.tar:latest", "oci-archive:o.tar:from/oci:1"],
    [`oci:${engine.dataRoot}/images:docker.io/library/busybox:latest`, "docker-archive:l.tar:from/layout:1"],
  ] as const) {
    const places = [from, to].map((place) => place.replace(/(archive:)/, `$1${directory}/`));
    const copied = await run(["skopeo", "copy", "-q", ...places]);
    expect([copied.stderr, copied.status]).toEqual(["", 0]);
    const [, name = "", reference = ""] = /:([a-z]\.tar):(.*)$/.exec(to) ?? [];
    expect(await engine.output("docker", ["load", "-i", join(directory, name)])).toBe(
      `Loaded image: ${reference}`,
    );
    expect(await engine.output("docker", ["image", "inspect", "-f", "{{.Id}}", reference])).toBe(id);
  }
});

test("what an image was made from is known again when both come from one archive", async () => {
  const { output } = engine;
  const archive = join(directory, "family.tar");
  const container = await output("docker", ["create", ...NONE, "busybox", "true"]);
  const child = await output("docker", ["commit", container, "family:2"]);
  await output("docker", ["rm", container]);
  await output("docker", ["save", "-o", archive, "family:2", "busybox"]);
  await output("docker", ["rmi", "family:2"]);
  await output("docker", ["load", "-i", archive]);
  const parent = await output("docker", ["image", "inspect", "-f", "{{.Id}}", "busybox"]);
  expect(await output("docker", ["image", "inspect", "-f", "{{.Id}} {{.Parent}}", "family:2"])).toBe(
    `${child} ${parent}`,
  );
  await output("docker", ["rmi", "family:2"]);
});

/** Images as archives, their history and their removal, with the docker command and with ours. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, run, startEngine } from "../harness/mod.ts";
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
    const whole = [
      "history",
      "--no-trunc",
      "--human=false",
      "--format",
      "{{.ID}} {{.CreatedBy}} {{.Comment}}",
    ];
    expect((await cli.output([...whole, "told:1"])).split("\n")[0]).toBe(`${id} true note`);
    const sizes = await cli.output(["history", "--human=false", "--format", "{{.Size}}", "told:1"]);
    expect(Number(sizes.split("\n")[1])).toBeGreaterThan(1_000_000);
    expect((await cli.output(["history", "-q", "told:1"])).split("\n")[0]).toBe(id.slice(7, 19));
    expect((await cli.command(["history", "nosuch"])).stderr).toContain("No such image: nosuch:latest");
    await cli.output(["rmi", "told:1"]);
  });
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

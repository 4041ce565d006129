/** Pulling and pushing with the docker command and ours, against a registry of Debian's; skopeo says what the registry has. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, type Registry, run, startEngine, startRegistry } from "../harness/mod.ts";
import { CLIENTS, commandLine } from "./client.ts";

let engine: Engine;
let registry: Registry;
beforeAll(async () => {
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const DIGEST = /sha256:[0-9a-f]{64}/;

async function skopeo(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(["skopeo", ...args]);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

const inspected = async (name: string) =>
  JSON.parse(await skopeo("inspect", "--tls-verify=false", `docker://${name}`)) as { Digest: string };

describe.each(CLIENTS)("%s", (client) => {
  const { output } = commandLine(client, () => engine);
  const repository = () => `${registry.host}/${client}/busybox`;

  test("pushes, pulls again by tag and by digest, and comes to the same image", async () => {
    const name = `${repository()}:1`;
    await output(["tag", "busybox", name]);
    const id = await output(["inspect", "-f", "{{.Id}}", "busybox"]);
    const pushed = await output(["push", name]);
    expect(pushed).toStartWith(`The push refers to repository [${repository()}]\n`);
    expect(pushed).toMatch(/^[0-9a-f]{12}: (?:Pushed|Mounted from .+)$/m);
    const digest = DIGEST.exec(pushed.split("\n").at(-1) ?? "")?.[0] ?? "";
    expect(pushed).toContain(`1: digest: ${digest} size: `);
    expect((await inspected(name)).Digest).toBe(digest);
    expect(await output(["push", name])).toContain(": Layer already exists\n");
    expect(await output(["inspect", "-f", "{{json .RepoDigests}}", name])).toContain(
      `${repository()}@${digest}`,
    );
    await output(["rmi", "-f", name]);
    const pulled = await output(["pull", `${repository()}@${digest}`]);
    expect(pulled).toContain(`Digest: ${digest}\n`);
    expect(await output(["inspect", "-f", "{{.Id}}", `${repository()}@${digest}`])).toBe(id);
  });

  test("says of each layer what becomes of it, once where nobody watches", async () => {
    const name = `${repository()}:lines`;
    await output(["tag", "busybox", name]);
    await output(["push", "-q", name]);
    await output(["rmi", "-f", await output(["inspect", "-f", "{{.Id}}", name])]);
    const lines = (await output(["pull", name])).split("\n");
    expect(lines[0]).toBe(`lines: Pulling from ${client}/busybox`);
    expect(lines.filter((line) => /^[0-9a-f]{12}: /.test(line)).map((line) => line.slice(14))).toEqual([
      "Pulling fs layer",
      ...["Verifying Checksum", "Download complete", "Pull complete"],
    ]);
    expect(lines.at(-2)).toBe(`Status: Downloaded newer image for ${name}`);
    expect(lines.at(-1)).toBe(name);
    expect(await output(["pull", name])).toContain(`Status: Image is up to date for ${name}\n`);
    await output(["tag", name, "busybox"]);
  });
});

/** Docker, skopeo and this engine push and pull the same images through one registry, and agree on what they are. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Engine, type Registry, run, startDocker, startFathom, startRegistry } from "../harness/mod.ts";

let docker: Engine;
let fathom: Engine;
let registry: Registry;
let other: Registry;
beforeAll(async () => {
  [docker, fathom, registry, other] = await Promise.all([
    startDocker(),
    startFathom(),
    startRegistry(),
    startRegistry(),
  ]);
});
afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await fathom?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
});

const idAt = (engine: Engine, name: string) => engine.output("docker", ["inspect", "-f", "{{.Id}}", name]);
const digestIn = (text: string) => /sha256:[0-9a-f]{64}/.exec(text)?.[0];

async function copied(from: string, to: string, ...args: string[]): Promise<void> {
  const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
  const { status, stderr } = await run([
    "skopeo",
    "copy",
    ...insecure,
    ...args,
    `docker://${from}`,
    `docker://${to}`,
  ]);
  if (status !== 0) throw new Error(stderr);
}

test("what one pushes the other pulls under the same ID, and its digest stays from registry to registry", async () => {
  for (const [from, to, label] of [
    [fathom, docker, "ours"],
    [docker, fathom, "dockers"],
  ] as const) {
    const name = `${registry.host}/${label}:1`;
    await from.output("docker", ["tag", "busybox", name]);
    const digest = digestIn(await from.output("docker", ["push", name]));
    const pulled = await to.output("docker", ["pull", name]);
    expect(digestIn(pulled)).toBe(digest);
    expect(await idAt(to, name)).toBe(await idAt(from, name));
  }
  const again = `${other.host}/again:1`;
  const name = `${registry.host}/dockers:1`;
  await fathom.output("docker", ["tag", name, again]);
  expect(digestIn((await fathom.output("docker", ["push", again])).split("\n").at(-1) ?? "")).toBe(
    digestIn(await fathom.output("docker", ["pull", name])),
  );
});

test.each([
  ["zstd", ["--dest-compress-format", "zstd", "--format", "oci"]],
  ["gzip in OCI's types", ["--format", "oci"]],
])("layers with %s, as skopeo writes them, come to the same files", async (label, args) => {
  const source = `${registry.host}/source:1`;
  await fathom.output("docker", ["tag", "busybox", source]);
  await fathom.output("docker", ["push", "-q", source]);
  const name = `${other.host}/${label.replaceAll(/\W/g, "").toLowerCase()}:1`;
  await copied(source, name, ...args);
  await fathom.output("docker", ["pull", name]);
  const layers = (of: string) => fathom.output("docker", ["inspect", "-f", "{{json .RootFS.Layers}}", of]);
  expect(await layers(name)).toBe(await layers("busybox"));
  const ran = await fathom.output("docker", ["run", "--rm", "--network", "none", name, "echo", label]);
  expect(ran).toBe(label);
});

/** Pulling and pushing with the docker command and ours, against a registry of Debian's; skopeo says what the registry has. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, type Registry, run, startEngine, startRegistry, tarOf } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

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
  const { command, output } = commandLine(client, () => engine);
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

  test("pushes and pulls every tag, and quietly", async () => {
    const all = `${registry.host}/${client}/all`;
    for (const tag of ["a", "b"]) await output(["tag", "busybox", `${all}:${tag}`]);
    const pushed = await output(["push", "--all-tags", "--disable-content-trust", all]);
    expect(pushed).toMatch(/^a: digest: /m);
    expect(pushed).toMatch(/^b: digest: /m);
    await output(["rmi", `${all}:a`, `${all}:b`]);
    const pulled = await output(["pull", "--all-tags", "--disable-content-trust", all]);
    expect(pulled).toMatch(/^a: Pulling from /m);
    expect(pulled).toMatch(
      new RegExp(`^Status: (?:Downloaded newer image|Image is up to date) for ${all}$`, "m"),
    );
    expect(await output(["images", "-q", all])).toMatch(/^[0-9a-f]{12}\n[0-9a-f]{12}$/);
    expect(await output(["pull", "--quiet", `${all}:a`])).toBe(`${all}:a`);
    expect(await output(["push", "--quiet", `${all}:a`])).toBe(`${all}:a`);
    expect((await command(["pull", "-a", `${all}:a`])).stderr).toContain(
      "tag can't be used with --all-tags/-a",
    );
  });

  test("says what is not there", async () => {
    const missing = `${registry.host}/${client}/nothing:1`;
    const pulled = await command(["pull", missing]);
    expect(pulled.stderr).toMatch(new RegExp(`manifest for ${missing} not found: manifest unknown`));
    const pushed = await command(["push", missing]);
    expect([pushed.status, pushed.stderr]).toEqual([1, expect.stringContaining("does not exist")]);
  });

  // Docker 20.10 has no way to make an image for another platform.
  test.skipIf(ON_DOCKER)("chooses the platform of an index, and refuses an image for another", async () => {
    const index = `${registry.host}/${client}/index`;
    const platforms = ["amd64", "arm64", "s390x"];
    const manifests = await Promise.all(
      platforms.map(async (architecture) => {
        const name = `${index}:${architecture}`;
        const archive = tarOf([{ path: architecture, content: architecture }]);
        await output(["import", "--platform", `linux/${architecture}`, "-", name], { input: archive });
        await output(["push", "-q", name]);
        const raw = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${name}`);
        const digest = `sha256:${new Bun.CryptoHasher("sha256").update(raw).digest("hex")}`;
        const { mediaType } = JSON.parse(raw);
        return { mediaType, digest, size: raw.length, platform: { os: "linux", architecture } };
      }),
    );
    const mediaType = "application/vnd.docker.distribution.manifest.list.v2+json";
    const reply = await fetch(`http://127.0.0.1:${registry.port}/v2/${client}/index/manifests/all`, {
      method: "PUT",
      headers: { "Content-Type": mediaType },
      body: JSON.stringify({ schemaVersion: 2, mediaType, manifests }),
    });
    expect(reply.status).toBe(201);
    const architecture = () => output(["inspect", "-f", "{{.Architecture}}", `${index}:all`]);
    await output(["pull", "--platform", "linux/s390x", `${index}:all`]);
    expect(await architecture()).toBe("s390x");
    await output(["pull", `${index}:all`]);
    expect(await architecture()).toBe("amd64");
    const { stderr } = await command(["pull", "--platform", "linux/386", `${index}:all`]);
    expect(stderr).toContain("no matching manifest for linux/386 in the manifest list entries");
    const shown = JSON.parse(await output(["manifest", "inspect", "--insecure", `${index}:all`]));
    expect(shown.manifests.map(({ digest }: { digest: string }) => digest)).toEqual(
      manifests.map(({ digest }) => digest),
    );
    const verbose = JSON.parse(
      await output(["manifest", "inspect", "--insecure", "--verbose", `${index}:all`]),
    );
    expect(verbose).toHaveLength(3);
    expect(verbose[0].Descriptor).toMatchObject(manifests[0] ?? {});
  });

  test("run and create pull what is missing, always or never", async () => {
    const name = `${registry.host}/${client}/wanted:1`;
    await output(["tag", "busybox", name]);
    await output(["push", "-q", name]);
    await output(["rmi", name]);
    const never = await command(["run", "--rm", "--pull", "never", ...NONE, name, "true"]);
    expect([never.status, never.stderr]).toEqual([125, expect.stringContaining("No such image")]);
    const missing = await command(["run", "--rm", ...NONE, name, "echo", "hello"]);
    expect([missing.status, missing.stdout]).toEqual([0, "hello\n"]);
    expect(missing.stderr).toContain(`Unable to find image '${name}' locally\n`);
    expect(missing.stderr).toContain(`Status: `);
    const always = await command(["create", "--pull", "always", ...NONE, name, "true"]);
    expect(always.stderr).toContain(`Status: Image is up to date for ${name}\n`);
    await output(["rm", always.stdout.trim()]);
  });

  test("search asks the registry that stands before the words", async () => {
    const asked: string[] = [];
    const results = [
      { name: "few", description: "Not many\nstars", star_count: 3, is_official: false, is_automated: false },
      { name: "many", description: "m".repeat(60), star_count: 30, is_official: true, is_automated: false },
    ];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        asked.push(new URL(request.url).pathname + new URL(request.url).search);
        return Response.json({ results, num_results: 2, page: 1, page_size: 25, query: "word" });
      },
    });
    await using _ended = { [Symbol.asyncDispose]: () => server.stop(true) };
    const term = `localhost:${server.port}/word`;
    const format = "{{.Name}} {{.StarCount}} {{.IsOfficial}}";
    const rows = await output(["search", "--limit", "2", "--format", format, term]);
    expect(rows.split("\n").map((row) => row.trim())).toEqual(["few 3", "many 30 [OK]"]);
    expect(asked.find((path) => path.startsWith("/v1/search"))).toContain("q=word&n=2");
    const table = await output(["search", "--filter", "stars=10", term]);
    expect(table.split("\n")).toHaveLength(2);
    expect(table).toContain(`${"m".repeat(44)}…`);
    expect(await output(["search", "--no-trunc", "-f", "is-official=true", term])).toContain("m".repeat(60));
  });
});

test.skipIf(ON_DOCKER)("an image's registry is asked what it has, by the API", async () => {
  const name = `${registry.host}/api/busybox:1`;
  await engine.output("docker", ["tag", "busybox", name]);
  const push = await engine.request("POST", `/images/${registry.host}/api/busybox/push?tag=1`, "");
  expect(push.text).toContain("digest: sha256:");
  const { json } = await engine.request("GET", `/distribution/${name}/json`);
  expect(json).toMatchObject({
    Descriptor: { digest: (await inspected(name)).Digest },
    Platforms: [{ architecture: "amd64", os: "linux" }],
  });
  const manifest = await engine.request("GET", `/distribution/${name}/manifest`);
  expect(manifest.json).toMatchObject({ Ref: name, Descriptor: { platform: { architecture: "amd64" } } });
  const found = await engine.request("GET", `/images/search?term=${registry.host}/x`);
  expect([found.status, found.text]).toEqual([404, expect.stringContaining("404")]);
  await engine.output("fathom", ["push", "--platform", "linux/amd64", name]);
  const other = await engine.command("fathom", ["push", "--platform", "linux/s390x", name]);
  expect(other.stderr).toContain("does not provide the specified platform (linux/s390x)");
});

/** `fathom fsck`: each kind of damage is found, told of in a sentence, and mended where that loses nothing. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Examination } from "../../src/spec/doctor.ts";
import { type Engine, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterAll(() => engine[Symbol.asyncDispose]());

const at = (...parts: string[]) => join(engine.dataRoot, ...parts);

async function fsck(...flags: string[]): Promise<{ status: number; sentences: string[]; done: string[] }> {
  const { status, stdout } = await engine.command("fathom", ["fsck", "--format", "json", ...flags]);
  const { Findings } = JSON.parse(stdout) as Examination;
  return {
    status: status ?? -1,
    sentences: Findings.map(({ sentence }) => sentence),
    done: Findings.map(({ done = "" }) => done),
  };
}

const CLEAN = { status: 0, sentences: [], done: [] };

afterEach(async () => {
  expect(await fsck("--deep")).toEqual(CLEAN);
});

async function onlyLayer(): Promise<string> {
  const [layer = ""] = (await readdir(at("layers"))).filter((name) => name !== "ingest");
  return at("layers", layer);
}

test("a store that is as it should be has no findings, and says whether it was read", async () => {
  expect(await engine.output("fathom", ["fsck"])).toBe(
    "Contents were not read: 'fathom fsck --deep' verifies every blob and layer.\nNothing is damaged or left over.",
  );
  expect(await engine.output("fathom", ["fsck", "--deep"])).toBe("Nothing is damaged or left over.");
});

test("a layer that is gone is unpacked again, with the same files", async () => {
  const layer = await onlyLayer();
  await rm(layer, { recursive: true });
  expect((await fsck()).sentences).toEqual([expect.stringMatching(/^layer \w{12} is missing/)]);
  expect((await fsck("--fix")).done).toEqual([expect.stringMatching(/^unpacked layer \w{12} again$/)]);
  expect(await engine.output("docker", ["run", "--rm", "--network", "none", "busybox", "echo", "ok"])).toBe(
    "ok",
  );
});

test("a layer that does not say how large it is is counted", async () => {
  const size = join(await onlyLayer(), "size");
  const before = await readFile(size, "utf8");
  await rm(size);
  expect((await fsck("--fix")).done).toEqual([expect.stringMatching(/^counted \d+ bytes$/)]);
  expect(await readFile(size, "utf8")).toBe(before);
});

test("a layer whose files were changed is found by --deep, and unpacked again where no container stands on it", async () => {
  const file = join(await onlyLayer(), "diff/bin/busybox");
  const { atime, mtime } = await stat(file);
  const content = await readFile(file);
  content[1000] = (content[1000] ?? 0) ^ 1;
  await writeFile(file, content);
  await utimes(file, atime, mtime);
  expect(await fsck()).toEqual(CLEAN);
  expect((await fsck("--deep")).sentences[0]).toContain("is not what its archive holds: /bin/busybox: its ");
  await engine.output("docker", ["create", "--name", "stands", "--network", "none", "busybox", "true"]);
  expect((await fsck("--deep", "--fix")).sentences[0]).toEndWith(
    "containers stand on it: remove them, and it can be unpacked again",
  );
  await engine.output("docker", ["rm", "stands"]);
  expect((await fsck("--deep", "--fix")).done).toEqual([expect.stringMatching(/^unpacked layer/)]);
  await writeFile(join(await onlyLayer(), "diff/extra"), "");
  expect((await fsck("--deep", "--fix")).sentences[0]).toContain("/extra: the archive does not hold it");
});

test("a blob that is damaged, cut or gone is told of, and well again when the image comes in again", async () => {
  await writeFile(join(engine.root, "f"), "content");
  const archive = join(engine.root, "one.tar");
  const tar = Bun.spawnSync(["tar", "-C", engine.root, "-cf", archive, "f"]);
  expect(tar.exitCode).toBe(0);
  await engine.output("fathom", ["import", archive, "one"]);
  const manifests = JSON.parse(await engine.output("fathom", ["image", "inspect", "one"]))[0];
  const [diffId = ""] = manifests.RootFS.Layers as string[];
  const blob = at("images/blobs/sha256", diffId.slice("sha256:".length));
  const before = await readFile(blob);
  await writeFile(blob, Buffer.from(before).fill(7, 700, 710));
  expect((await fsck("--deep")).sentences).toEqual([expect.stringMatching(/^blob \w{12} is damaged/)]);
  await appendFile(blob, "x");
  expect((await fsck()).sentences).toEqual([expect.stringMatching(/has \d+ bytes instead of \d+/)]);
  await rename(blob, `${blob}.away`);
  expect((await fsck()).sentences).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^blob \w{12} of image docker.io\/library\/one:latest is missing/),
    ]),
  );
  await rm(`${blob}.away`);
  await writeFile(blob, before, { mode: 0o600 });
  await engine.output("docker", ["rmi", "one"]);
});

test("what was never finished, and what nothing needs, is removed", async () => {
  await mkdir(at("layers/ingest/1-2/diff"), { recursive: true });
  await mkdir(at("images/ingest"), { recursive: true });
  await writeFile(at("images/ingest/1-3"), "half");
  await writeFile(at("images/blobs/sha256", "0".repeat(64)), "");
  await mkdir(at("layers", "1".repeat(64), "diff"), { recursive: true });
  await mkdir(at("volumes/.gone-1-1"), { recursive: true });
  const old = new Date(Date.now() - 3_600_000);
  await mkdir(at("containers", "2".repeat(64)), { recursive: true });
  await utimes(at("containers", "2".repeat(64)), old, old);
  const { sentences } = await fsck();
  // The directory of a container is young, whatever its times say: it may be one that is being made.
  expect(sentences).toHaveLength(5);
  expect((await fsck("--fix")).done).toEqual(Array(5).fill("removed it"));
  await rm(at("containers", "2".repeat(64)), { recursive: true });
});

test("an entry of index.json that names nothing is taken out", async () => {
  const index = JSON.parse(await readFile(at("images/index.json"), "utf8"));
  const broken = {
    ...index.manifests[0],
    digest: `sha256:${"3".repeat(64)}`,
    annotations: { "org.opencontainers.image.ref.name": "docker.io/library/lost:latest" },
  };
  await engine.stop();
  await writeFile(
    at("images/index.json"),
    JSON.stringify({ ...index, manifests: [...index.manifests, broken] }),
  );
  await engine.start();
  expect((await fsck()).sentences).toEqual([
    "image docker.io/library/lost:latest cannot be read: its manifest or configuration is missing or damaged",
  ]);
  expect((await fsck("--fix")).done).toEqual([
    expect.stringMatching(/^took docker.io\/library\/lost:latest out of index.json/),
  ]);
  expect(await engine.output("docker", ["images", "-q"])).not.toBe("");
});

test("a volume that cannot be read is shown, and its files are let be", async () => {
  await mkdir(at("volumes/torn/_data"), { recursive: true });
  await writeFile(at("volumes/torn/_data/file"), "dear");
  const { sentences, done } = await fsck("--fix");
  expect([sentences, done]).toEqual([
    [expect.stringContaining("volume torn is damaged and not shown")],
    [""],
  ]);
  expect(await readFile(at("volumes/torn/_data/file"), "utf8")).toBe("dear");
  await rm(at("volumes/torn"), { recursive: true });
});

/**
 * Images that share layers are loaded, saved, committed, removed and pruned all at once, while the daemon is killed again and again:
 * what is left is whole, and nothing else is.
 */

import { expect, test } from "bun:test";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { chainIds, digestOf, digestOfHex, hexOf } from "../../src/spec/digest.ts";
import type { Digest, ImageConfig, ImageIndex, ImageManifest } from "../../src/spec/oci_image.ts";
import { type Engine, startFathom } from "../harness/mod.ts";

const KILLS = 4;
const SEED = Number(process.env.FATHOM_SEED ?? Date.now() % 1_000_000);

/** The same numbers for the same seed (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const NAMES = ["one", "two", "three"];

/** Archives of images that have layers in common. */
async function archives(engine: Engine): Promise<string[]> {
  let below = "busybox";
  const paths: string[] = [];
  for (const name of NAMES) {
    const id = await engine.output("docker", ["create", "--network", "none", below, "true"]);
    await engine.output("docker", ["cp", "/etc/hostname", `${id}:/${name}`]);
    await engine.output("docker", ["commit", id, `${name}:1`]);
    await engine.output("docker", ["rm", id]);
    paths.push(join(engine.root, `${name}.tar`));
    await engine.output("docker", ["save", "-o", join(engine.root, `${name}.tar`), `${name}:1`]);
    below = `${name}:1`;
  }
  return paths;
}

/** What each worker may do next; whether it succeeds is of no matter here. */
function deedsOf(paths: readonly string[]): ((pick: (below: number) => number) => string[])[] {
  const name = (pick: (below: number) => number) => `${NAMES[pick(NAMES.length)]}:1`;
  return [
    (pick) => ["load", "-q", "-i", paths[pick(paths.length)] ?? ""],
    (pick) => ["load", "-q", "-i", paths[pick(paths.length)] ?? ""],
    (pick) => ["rmi", "-f", name(pick)],
    (pick) => ["image", "prune", "-f", ...(pick(2) === 0 ? ["-a"] : [])],
    (pick) => ["save", "-o", "/dev/null", name(pick)],
    (pick) => ["commit", "worker", `made:${pick(3)}`],
    (pick) => ["rmi", "-f", `made:${pick(3)}`],
    (pick) => ["tag", name(pick), `again:${pick(3)}`],
  ];
}

test(`nothing breaks and nothing is left over (FATHOM_SEED=${SEED})`, async () => {
  await using engine = await startFathom();
  const paths = await archives(engine);
  await engine.output("docker", ["create", "--name", "worker", "--network", "none", "two:1", "true"]);
  const pick = randomNumbers(SEED);
  const deeds = deedsOf(paths);
  let ended = false;
  const worker = async (): Promise<void> => {
    while (!ended) await engine.command("docker", deeds[pick(deeds.length)]?.(pick) ?? []);
  };
  const workers = Array.from({ length: 4 }, worker);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await Bun.sleep(300 + pick(900));
    await engine.kill();
    await engine.start();
  }
  await Bun.sleep(500);
  ended = true;
  await Promise.all(workers);
  await restartWithoutTrash(engine);
  await checkStore(engine);
  // Each that is left can be run, and what was removed can be had again.
  for (const path of paths) await engine.output("docker", ["load", "-q", "-i", path]);
  const ids = (await engine.output("docker", ["images", "-aq", "--no-trunc"])).split("\n");
  for (const id of new Set(ids))
    await engine.output("docker", ["run", "--rm", "--network", "none", id, "true"]);
  await engine.output("docker", ["rm", "worker"]);
  await engine.output("docker", ["image", "prune", "-af"]);
  await restartWithoutTrash(engine);
  await checkStore(engine);
  expect(await readdir(join(engine.dataRoot, "layers"))).toEqual(["ingest"]);
  expect(await readdir(join(engine.dataRoot, "images", "blobs", "sha256"))).toEqual([]);
}, 120_000);

/** What was pruned waits in the trash. A daemon that ends has deleted what was out of sight. */
async function restartWithoutTrash(engine: Engine): Promise<void> {
  await engine.output("fathom", ["trash", "empty", "-f"]);
  await engine.stop();
  await engine.start();
}

/** Every blob has the content of its name, every image its layers; and nothing is there that no image or container needs. */
async function checkStore({ dataRoot }: Engine): Promise<void> {
  const images = join(dataRoot, "images");
  const blobs = await readdir(join(images, "blobs", "sha256"));
  for (const name of blobs)
    expect(digestOf(await readFile(blobAt(images, digestOfHex(name))))).toBe(digestOfHex(name));
  const index = JSON.parse(await readFile(join(images, "index.json"), "utf8")) as ImageIndex;
  const needed = { blobs: new Set<string>(), layers: new Set<string>(["ingest"]) };
  for (const { digest } of index.manifests) {
    const manifest = JSON.parse(await readFile(blobAt(images, digest), "utf8")) as ImageManifest;
    const config = JSON.parse(await readFile(blobAt(images, manifest.config.digest), "utf8")) as ImageConfig;
    for (const blob of [digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)])
      needed.blobs.add(hexOf(blob));
    for (const chainId of chainIds(config.rootfs.diff_ids)) needed.layers.add(hexOf(chainId));
  }
  for (const chainId of await containersLayers(dataRoot)) needed.layers.add(chainId);
  expect(blobs.sort()).toEqual([...needed.blobs].sort());
  expect((await readdir(join(dataRoot, "layers"))).sort()).toEqual([...needed.layers].sort());
  for (const directory of [join(images, "ingest"), join(dataRoot, "layers", "ingest")])
    expect(await readdir(directory)).toEqual([]);
}

function blobAt(images: string, digest: Digest): string {
  return join(images, "blobs", "sha256", hexOf(digest));
}

/** The layers that a container stands on, whose image may have gone. */
async function containersLayers(dataRoot: string): Promise<string[]> {
  const found: string[] = [];
  for (const container of await readdir(join(dataRoot, "containers"))) {
    let link = join(dataRoot, "containers", container, "parent");
    for (let next = await linkAt(link); next !== undefined; next = await linkAt(link)) {
      found.push(next);
      link = join(dataRoot, "layers", next, "parent");
    }
  }
  return found;
}

async function linkAt(path: string): Promise<string | undefined> {
  return readlink(path).then(
    (target) => target.split("/").at(-1),
    () => undefined,
  );
}

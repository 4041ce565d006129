/**
 * Registries: how fast an image of many files comes from one on loopback, and goes to another that has nothing of it.
 *
 *     node_modules/.bin/bun --no-env-file --config=/dev/null bench/_registry.ts [rounds]
 */

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { type Engine, startDocker, startFathom, startRegistry, tarOf } from "../test/harness/mod.ts";
import { type Case, measure } from "./_measure.ts";
import { rowOf, type Table, tableText } from "./_report.ts";

const LAYERS = 10;
const FILES_A_LAYER = 3000;
const TAG = "measured:1";

/** Each with Docker's as the first row. */
export async function registryTables(rounds: number): Promise<Table[]> {
  await using registry = await startRegistry();
  await using docker = await startDocker();
  await using fathom = await startFathom({ bare: true });
  await publish(registry.host);
  const engines: [string, Engine][] = [
    ["dockerd", docker],
    ["fathom", fathom],
  ];
  const name = `${registry.host}/${TAG}`;
  const pulling = engines.map(
    ([label, engine]): Case => ({ name: label, once: () => timeToPull(engine, name) }),
  );
  const pulled = await measure(pulling, rounds, { warmUp: 1 });
  for (const [, engine] of engines) await engine.output("docker", ["pull", "-q", name]);
  const pushing = engines.map(
    ([label, engine]): Case => ({ name: label, once: () => timeToPush(engine, name) }),
  );
  const pushed = await measure(pushing, rounds, { warmUp: 1 });
  const peaks = await Promise.all(
    engines.map(async ([label, engine]) => ({ name: label, value: await peakMemory(engine.pid) })),
  );
  const what = `an image of ${LAYERS} layers with ${LAYERS * FILES_A_LAYER} files`;
  return [
    { title: `pull of ${what} from loopback`, unit: "ms", rows: pulled.map(rowOf) },
    { title: `push of ${what} to an empty registry`, unit: "ms", rows: pushed.map(rowOf) },
    { title: "the most memory that the daemon had resident meanwhile", unit: "kB", rows: peaks },
  ];
}

async function timeToPull(engine: Engine, name: string): Promise<number> {
  const from = performance.now();
  await engine.output("docker", ["pull", "-q", name], { timeout: 120_000 });
  const took = performance.now() - from;
  await engine.output("docker", ["rmi", "-f", name], { timeout: 120_000 });
  return took;
}

async function timeToPush(engine: Engine, name: string): Promise<number> {
  await using empty = await startRegistry();
  const target = `${empty.host}/${TAG}`;
  await engine.output("docker", ["tag", name, target]);
  const from = performance.now();
  await engine.output("docker", ["push", "-q", target], { timeout: 120_000 });
  const took = performance.now() - from;
  await engine.output("docker", ["rmi", target]);
  return took;
}

/** kB, proc(5): VmHWM. */
async function peakMemory(pid: number): Promise<number> {
  return Number(/^VmHWM:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** Makes the image where it is to be pulled from, as a builder would have: gzip and Docker's media types. */
async function publish(host: string): Promise<void> {
  const root = `http://${host.replace("localhost", "127.0.0.1")}/v2/${TAG.split(":")[0]}`;
  const digestOf = (bytes: Uint8Array) =>
    `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
  const put = async (bytes: Uint8Array, mediaType: string) => {
    const begun = await fetch(`${root}/blobs/uploads/`, { method: "POST" });
    const place = new URL(begun.headers.get("location") ?? "", root);
    place.searchParams.set("digest", digestOf(bytes));
    const done = await fetch(place, { method: "PUT", body: bytes });
    if (!done.ok) throw new Error(`the registry took no blob: ${done.status}`);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const layers: object[] = [];
  const diffIds: string[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const archive = layerArchive(layer);
    diffIds.push(digestOf(archive));
    layers.push(await put(gzipSync(archive), "application/vnd.docker.image.rootfs.diff.tar.gzip"));
  }
  const config = { architecture: process.arch === "x64" ? "amd64" : "arm64", os: "linux", config: {} };
  const rootfs = { type: "layers", diff_ids: diffIds };
  const history = diffIds.map(() => ({ created_by: "bench" }));
  const content = Buffer.from(JSON.stringify({ ...config, rootfs, history }));
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const described = await put(content, "application/vnd.docker.container.image.v1+json");
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: described, layers });
  const headers = { "Content-Type": mediaType };
  const done = await fetch(`${root}/manifests/1`, { method: "PUT", headers, body: manifest });
  if (!done.ok) throw new Error(`the registry took no manifest: ${await done.text()}`);
}

/** Files as in a package of a language: a few kilobytes of text, thirty to a directory. */
function layerArchive(layer: number): Buffer {
  const words = Buffer.from(crypto.getRandomValues(new Uint8Array(3000))).toString("base64");
  const entries = Array.from({ length: FILES_A_LAYER }, (_, index) => ({
    path: `usr/lib/layer${layer}/d${Math.floor(index / 30)}/file${index}.js`,
    content: `${index} ${words.slice(index % 2000)}`,
  }));
  return Buffer.from(tarOf(entries));
}

if (import.meta.main) {
  const tables = await registryTables(Number(process.argv[2] ?? 3));
  console.log(tables.flatMap(tableText).join("\n"));
}

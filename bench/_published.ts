/** Images of many small files, put to a registry without an engine. */

import { gzipSync } from "node:zlib";
import { tarOf } from "../test/harness/mod.ts";

export const LAYERS = 10;
export const FILES_A_LAYER = 3000;

/** Makes an image where it is to be pulled from, as a builder would have: gzip and Docker's media types. No two are the same. */
export async function publish(
  registry: string,
  [name, tag]: readonly [name: string, tag: string],
): Promise<void> {
  const root = `http://${registry.replace("localhost", "127.0.0.1")}/v2/${name}`;
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
  const done = await fetch(`${root}/manifests/${tag}`, { method: "PUT", headers, body: manifest });
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

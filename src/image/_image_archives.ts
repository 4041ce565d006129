/** For the tests of loading: archives of images made by hand, in the forms that others write. */

import { digestOf, hexOf } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import { type TarFields, tarOf } from "./_fixtures.ts";

type Files = Record<string, string | Buffer>;

/** An archive of these files, in this order. */
export const filesTar = (files: Files, ...others: TarFields[]): Buffer =>
  tarOf(...Object.entries(files).map(([name, content]) => ({ name, content })), ...others);

/** A layer with one file. */
export const layerOf = (content: string, name = "f"): Buffer => tarOf({ name, content });

/** The configuration of an image with these layers. */
export const configOf = (layers: readonly Buffer[], more: object = {}): string =>
  JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: "2024-01-02T03:04:05Z",
    config: { Cmd: ["sh"], Labels: { a: "b" } },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
    history: layers.map((_, at) => ({ created_by: `step ${at}` })),
    ...more,
  });

/** What Docker wrote before version 25; the manifest stands first or last. */
export function dockerArchive(
  images: readonly { config: string; layers: readonly Buffer[]; tags: string[] | null }[],
  { manifestFirst = false } = {},
): Buffer {
  const manifest = images.map(({ config, layers, tags }) => ({
    Config: `${hexOf(digestOf(config))}.json`,
    RepoTags: tags,
    Layers: layers.map((layer) => `${hexOf(digestOf(layer))}/layer.tar`),
  }));
  const files: Files = {};
  if (manifestFirst) files["manifest.json"] = JSON.stringify(manifest);
  for (const { config, layers } of images) {
    files[`${hexOf(digestOf(config))}.json`] = config;
    for (const layer of layers) {
      files[`${hexOf(digestOf(layer))}/VERSION`] = "1.0";
      files[`${hexOf(digestOf(layer))}/json`] = "{}";
      files[`${hexOf(digestOf(layer))}/layer.tar`] = layer;
    }
  }
  files["manifest.json"] ??= JSON.stringify(manifest);
  return filesTar(files);
}

interface Blob {
  mediaType: string;
  digest: Digest;
  size: number;
}

const OCI = "application/vnd.oci.image";

/** The blobs of an OCI layout, to be put together by a test. */
export function ociLayout(): {
  add: (content: string | Buffer, mediaType: string) => Blob;
  image: (config: string, layers: readonly Buffer[], layerType?: string) => Blob;
  archive: (manifests: readonly object[], more?: Files) => Buffer;
} {
  const files: Files = {};
  const add = (content: string | Buffer, mediaType: string): Blob => {
    const digest = digestOf(content);
    files[`blobs/sha256/${hexOf(digest)}`] = content;
    return { mediaType, digest, size: Buffer.byteLength(content) };
  };
  return {
    add,
    image: (config, layers, layerType = `${OCI}.layer.v1.tar`) =>
      add(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: `${OCI}.manifest.v1+json`,
          config: add(config, `${OCI}.config.v1+json`),
          layers: layers.map((layer) => add(layer, layerType)),
        }),
        `${OCI}.manifest.v1+json`,
      ),
    archive: (manifests, more = {}) =>
      filesTar({
        ...files,
        "index.json": JSON.stringify({ schemaVersion: 2, manifests }),
        "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
        ...more,
      }),
  };
}

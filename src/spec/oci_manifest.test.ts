import { expect, test } from "bun:test";
import { MEDIA_TYPE } from "./oci_image.ts";
import { parseManifest } from "./oci_manifest.ts";

const digest = `sha256:${"a".repeat(64)}`;
const config = { mediaType: MEDIA_TYPE.config, digest, size: 2 };
const layer = { mediaType: MEDIA_TYPE.layerGzip, digest, size: 3 };
const image = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [layer] };
const parse = (value: unknown, declared: string = MEDIA_TYPE.manifest) =>
  parseManifest(JSON.stringify(value), declared, "name:tag");

test("an image's manifest is read, in OCI's types and in Docker's", () => {
  expect(parse(image)).toMatchObject({ kind: "image", mediaType: MEDIA_TYPE.manifest });
  const docker = "application/vnd.docker.distribution.manifest.v2+json";
  const old = {
    ...image,
    mediaType: docker,
    config: { ...config, mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: [{ ...layer, mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip" }],
  };
  expect(parse(old, docker)).toMatchObject({ kind: "image", mediaType: docker });
});

test("a manifest that does not say what it is, is what the registry said", () => {
  const { mediaType: _mediaType, ...untyped } = image;
  expect(parse(untyped).kind).toBe("image");
  expect(parse({ schemaVersion: 2, manifests: [] }, MEDIA_TYPE.index).kind).toBe("index");
});

test.each([
  [
    "a layer of a type nobody knows",
    { ...image, layers: [{ ...layer, mediaType: "text/html" }] },
    "not supported",
  ],
  ["a negative size", { ...image, layers: [{ ...layer, size: -1 }] }, "the size of sha256:a"],
  ["a size past all sense", { ...image, layers: [{ ...layer, size: 2 ** 52 }] }, "the size of sha256:a"],
  [
    "a digest that leads elsewhere",
    { ...image, config: { ...config, digest: "sha256:../../x" } },
    "not of the form",
  ],
  ["501 layers", { ...image, layers: Array(501).fill(layer) }, "at most 500 are read"],
  ["no list of layers", { ...image, layers: {} }, "its layers are no list"],
  ["another schema", { ...image, schemaVersion: 3 }, "it has no schemaVersion 2"],
  ["an image and an index at once", { ...image, manifests: [] }, "at once"],
])("%s is refused by name", (_, value, words) => {
  expect(() => parse(value)).toThrow(words);
});

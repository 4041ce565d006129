import { expect, test } from "bun:test";
import { GOARCH } from "../std/version.ts";
import type { Descriptor } from "./oci_image.ts";
import { chooseManifest, parsePlatform, platformText } from "./platform.ts";

test.each([
  ["linux/arm64", { os: "linux", architecture: "arm64" }],
  ["arm64", { os: "linux", architecture: "arm64" }],
  ["linux", { os: "linux", architecture: GOARCH }],
  ["Linux/aarch64/v8", { os: "linux", architecture: "arm64", variant: "v8" }],
  ["x86_64", { os: "linux", architecture: "amd64" }],
])("%s is %j", (text, platform) => {
  expect(parsePlatform(text)).toEqual(platform);
});

test.each(["", "linux/", "a/b/c/d", "li nux"])("%j is no platform", (text) => {
  expect(() => parsePlatform(text)).toThrow("invalid component of a platform");
});

const offered = (...texts: string[]): Descriptor[] =>
  texts.map((text, index) => ({
    mediaType: "m",
    digest: `sha256:${index}`,
    size: 1,
    platform: parsePlatform(text),
  }));

test.each([
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm64"], "linux/arm/v6"],
  ["linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"],
  ["linux/arm/v6", ["linux/arm/v7"], undefined],
  ["linux/arm64", ["linux/arm64/v8"], "linux/arm64/v8"],
  ["linux/amd64", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"],
  ["linux/s390x", ["linux/amd64"], undefined],
])("for %s of %j the best is %s", (wanted, texts, best) => {
  const platform = chooseManifest(offered(...texts), parsePlatform(wanted))?.platform;
  expect(platform && platformText(platform)).toBe(best);
});

test("an attestation is no image, whatever platform it says it has", () => {
  const [one] = offered("linux/amd64");
  if (one === undefined) throw new Error("none");
  const attestation = { ...one, annotations: { "vnd.docker.reference.type": "attestation-manifest" } };
  expect(chooseManifest([attestation], parsePlatform("linux/amd64"))).toBeUndefined();
});

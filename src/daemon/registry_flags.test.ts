import { expect, test } from "bun:test";
import {
  checkRegistryFlags,
  checkRegistryValue,
  REGISTRY_FLAG_DEFAULTS,
  registryValue,
  takeProxies,
} from "./registry_flags.ts";

test.each([
  [{ registryMirrors: ["ftp://x"] }, "unsupported scheme"],
  [{ registryMirrors: ["https://u:p@x"] }, "it has a password"],
  [{ registries: { x: { mirrors: ["https://y?z"] } } }, "it has a query"],
  [{ insecureRegistries: ["http://x"] }, "should not contain '://'"],
  [{ maxConcurrentDownloads: 0 }, "max-concurrent-downloads must be at least 1"],
])("%j is refused", (flags, words) => {
  expect(() => checkRegistryFlags({ ...REGISTRY_FLAG_DEFAULTS, ...flags })).toThrow(words);
});

test("what is right is taken", () => {
  const registries = { "a.example:5000": { mirrors: ["https://b.example/c"], insecure: true } };
  const insecureRegistries = ["a.example", "10.0.0.0/8", "b:5000"];
  checkRegistryFlags({ ...REGISTRY_FLAG_DEFAULTS, registries, insecureRegistries });
  expect(checkRegistryValue("registries", registries, "registries")).toBe(true);
  expect(() => checkRegistryValue("registries", { a: { mirror: [] } }, "registries")).toThrow(
    "must be an object",
  );
  expect(registryValue("maxConcurrentUploads", "7")).toBe(7);
  expect(() => registryValue("maxConcurrentUploads", "x")).toThrow(
    "--max-concurrent-uploads must be a whole number",
  );
});

test("the environment's proxies are taken out of it", () => {
  const environment = { HTTP_PROXY: "http://p", no_proxy: "x", OTHER: "y" };
  expect(takeProxies(environment)).toEqual({ http: "http://p", no: "x" });
  expect(environment as object).toEqual({ OTHER: "y" });
});

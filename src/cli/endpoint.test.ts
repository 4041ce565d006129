import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { chooseEndpoint } from "./endpoint.ts";

const VARIABLES = ["FATHOM_HOST", "DOCKER_HOST", "DOCKER_CONTEXT"] as const;
let saved: (string | undefined)[] = [];
let configDir = "";

beforeEach(async () => {
  saved = VARIABLES.map((name) => process.env[name]);
  for (const name of VARIABLES) delete process.env[name];
  configDir = await mkdtemp("/tmp/fathom-test-config-");
  const digest = new Bun.CryptoHasher("sha256").update("far").digest("hex");
  const meta = { Name: "far", Endpoints: { docker: { Host: "tcp://10.0.0.1:2375" } } };
  await Bun.write(`${configDir}/contexts/meta/${digest}/meta.json`, JSON.stringify(meta));
});

afterEach(async () => {
  VARIABLES.forEach((name, at) => {
    const value = saved[at];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  });
  await rm(configDir, { recursive: true });
});

const choose = (hosts: string[] = [], context?: string) => chooseEndpoint({ hosts, context, configDir });

test("without a word it is the default socket, where a daemon may be started", async () => {
  expect(await choose()).toEqual({
    endpoint: { kind: "unix", path: "/var/run/fathom.sock", address: "unix:///var/run/fathom.sock" },
    context: "default",
    isDefault: true,
  });
});

test("-H goes before the environment, and FATHOM_HOST before DOCKER_HOST", async () => {
  process.env.DOCKER_HOST = "unix:///d";
  expect((await choose()).endpoint).toMatchObject({ path: "/d" });
  process.env.FATHOM_HOST = "unix:///f";
  expect(await choose()).toMatchObject({ endpoint: { path: "/f" }, isDefault: false });
  expect((await choose(["unix:///h"])).endpoint).toMatchObject({ path: "/h" });
});

test("a context is that of the flag, of the variable, or of the configuration", async () => {
  const far = { endpoint: { kind: "tcp", host: "10.0.0.1", port: 2375 }, context: "far", isDefault: false };
  expect(await choose([], "far")).toMatchObject(far);
  await Bun.write(`${configDir}/config.json`, '{"currentContext":"far"}');
  expect(await choose()).toMatchObject(far);
  process.env.DOCKER_CONTEXT = "default";
  expect((await choose()).isDefault).toBe(true);
});

test.each([
  ["tcp://localhost", { host: "localhost", port: 2375 }],
  ["tcp://[::1]:99", { host: "::1", port: 99 }],
])("%s is understood", async (address, expected) => {
  expect((await choose([address])).endpoint).toMatchObject(expected);
});

test("what is wrong is said in docker's words", async () => {
  await expect(choose(["foo://"])).rejects.toThrow("invalid bind address format: foo://");
  await expect(choose([], "nope")).rejects.toThrow('context "nope": context not found: open ');
  await expect(choose(["unix:///a"], "far")).rejects.toThrow("either specify --host or --context, not both");
});

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { certificatesFor } from "./_certificates.ts";
import { parseChallenges } from "./_challenge.ts";
import { endpointsOf } from "./_endpoints.ts";
import { basicOf } from "./credentials.ts";
import { proxiesOf, proxyFor } from "./proxies.ts";
import { REGISTRY_DEFAULTS } from "./settings.ts";

describe("proxies", () => {
  const proxies = {
    http: "http://proxy:1",
    https: "proxy:2",
    no: "inner.example, .dotted.example,10.0.0.0/8,port.example:8443",
  };
  test.each([
    ["http://example.com/", "http://proxy:1"],
    ["https://example.com/", "http://proxy:2"],
    ["https://localhost:5000/", undefined],
    ["http://127.0.0.1:5000/", undefined],
    ["http://[::1]:5000/", undefined],
    ["https://inner.example/", undefined],
    ["https://deep.inner.example/", undefined],
    ["https://notinner.example/", "http://proxy:2"],
    ["https://dotted.example/", "http://proxy:2"],
    ["https://a.dotted.example/", undefined],
    ["https://10.1.2.3/", undefined],
    ["https://11.1.2.3/", "http://proxy:2"],
    ["https://port.example:8443/", undefined],
    ["https://port.example/", "http://proxy:2"],
  ])("of %s: %s", (url, proxy) => {
    expect(proxyFor(new URL(url), proxies)).toBe(proxy);
  });

  test("stand in the environment in capitals or not", () => {
    expect(proxiesOf({ HTTP_PROXY: "a", https_proxy: "b", no_proxy: "*" })).toEqual({
      http: "a",
      https: "b",
      no: "*",
    });
    expect(proxyFor(new URL("http://example.com"), { http: "a", no: "*" })).toBeUndefined();
  });
});

describe("a challenge", () => {
  test("of bearer tokens has a realm, a service and a scope, in any order and case", () => {
    const header =
      'bEARER scope="repository:a/b:pull,push", realm = "https://auth.example/token?x=1", service=reg';
    expect(parseChallenges(header)).toEqual([
      {
        scheme: "bearer",
        realm: "https://auth.example/token?x=1",
        service: "reg",
        scope: "repository:a/b:pull,push",
      },
    ]);
  });

  test("may be one of several; those of an unknown scheme or without a realm are passed over", () => {
    const header = 'Negotiate, Basic realm="a \\"quoted\\" one", Bearer service="x"';
    expect(parseChallenges(header)).toEqual([{ scheme: "basic" }]);
    expect(parseChallenges('realm="no scheme"')).toEqual([]);
  });
});

describe("endpoints", () => {
  const of = (domain: string, more: Partial<typeof REGISTRY_DEFAULTS> = {}) =>
    endpointsOf(domain, { ...REGISTRY_DEFAULTS, ...more }, { mirrors: true });

  test("docker.io is a host of another name, behind its mirrors", async () => {
    const found = await of("docker.io", { mirrors: ["http://127.0.0.1:5001/cache/"] });
    expect(found.map(({ base, schemes, mirror }) => [base, schemes, mirror])).toEqual([
      ["127.0.0.1:5001/cache", ["http"], true],
      ["registry-1.docker.io", ["https"], false],
    ]);
  });

  test("any registry has the mirrors that it was given, and only for reading", async () => {
    const registries = { "10.9.9.9:5000": { mirrors: ["https://10.8.8.8"] } };
    expect((await of("10.9.9.9:5000", { registries })).map(({ host }) => host)).toEqual([
      "10.8.8.8",
      "10.9.9.9:5000",
    ]);
    const writing = await endpointsOf(
      "10.9.9.9:5000",
      { ...REGISTRY_DEFAULTS, registries },
      { mirrors: false },
    );
    expect(writing.map(({ host }) => host)).toEqual(["10.9.9.9:5000"]);
  });

  test.each([
    ["localhost:5000", {}, true],
    ["127.0.0.7", {}, true],
    ["10.1.2.3:5000", {}, false],
    ["10.1.2.3:5000", { insecure: ["10.0.0.0/8"] }, true],
    ["10.1.2.3:5000", { insecure: ["10.1.2.3:5000"] }, true],
    ["10.1.2.3:5000", { insecure: ["10.1.2.3:5001"] }, false],
    ["10.1.2.3:5000", { registries: { "10.1.2.3:5000": { insecure: true } } }, true],
    ["127.0.0.1:5000", { registries: { "127.0.0.1:5000": { insecure: false } } }, false],
  ])("%s with %j is insecure: %p", async (domain, more, insecure) => {
    const [own] = await of(domain, more);
    expect(own?.insecure).toBe(insecure);
    expect(own?.schemes).toEqual(insecure ? ["https", "http"] : ["https"]);
  });
});

describe("certificates", () => {
  const made = mkdtemp("/tmp/fathom-test-certs-");
  afterAll(async () => rm(await made, { recursive: true }));
  const put = async (host: string, names: string[]) => {
    for (const name of names) await Bun.write(join(await made, host, name), name);
    return certificatesFor(host, [await made, "/nowhere"]);
  };

  test("are authorities besides the public ones, and pairs of our own", async () => {
    const { ca, cert, key } = await put("a:1", ["ca.crt", "client.cert", "client.key"]);
    expect(ca?.at(-1)).toBe("ca.crt");
    expect(ca?.length).toBeGreaterThan(50);
    expect([cert, key]).toEqual([["client.cert"], ["client.key"]]);
    expect(await put("none", [])).toEqual({});
  });

  test("without its key, or a key without it, is said to miss the other", async () => {
    expect(put("b", ["client.cert"])).rejects.toThrow("client.cert needs client.key beside it");
    expect(put("c", ["client.key"])).rejects.toThrow("client.key needs client.cert beside it");
  });
});

test("user and password may be one word in base64", () => {
  const auth = Buffer.from("u:p:q").toString("base64");
  expect(basicOf({ auth })).toEqual({ username: "u", password: "p:q" });
  expect(basicOf({ identitytoken: "t" })).toBeUndefined();
});

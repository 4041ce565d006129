import { describe, expect, test } from "bun:test";
import type { LogSubject } from "./_subject.ts";
import { checkLogConfig, logTarget, readablePath } from "./options.ts";

const PATHS = { log: "/c/json.log", localLog: "/c/local.log", cachedLog: "/c/cached.log" };
const SUBJECT: LogSubject = {
  id: "0123456789abcdef",
  name: "web",
  imageId: "sha256:fedcba9876543210",
  imageName: "nginx:1",
  hostname: "host",
  path: "/bin/sh",
  args: ["-c", "x"],
  created: "2024-01-01T00:00:00Z",
  env: ["A=1", "B=x=y", "EMPTY"],
  labels: { tier: "front" },
};

const target = (Type: string, Config: Record<string, string> = {}) =>
  logTarget({ Type, Config }, SUBJECT, PATHS);

describe("what a shim is given", () => {
  test.each([
    ["json-file", {}, { path: PATHS.log, maxSize: 10_000_000, maxFiles: 10 }],
    ["json-file", { "max-size": "-1" }, { path: PATHS.log, maxSize: -1, maxFiles: 10 }],
    ["json-file", { "max-size": "1.5k", "max-file": "2" }, { path: PATHS.log, maxSize: 1500, maxFiles: 2 }],
    ["json-file", { compress: "1" }, { path: PATHS.log, maxSize: 10_000_000, maxFiles: 10, compress: true }],
    ["local", {}, { path: PATHS.localLog, maxSize: 20 * 1024 * 1024, maxFiles: 5, compress: true }],
    [
      "local",
      { "max-size": "1m", "max-file": "1", compress: "false" },
      { path: PATHS.localLog, maxSize: 1024 * 1024, maxFiles: 1 },
    ],
    ["none", {}, {}],
  ])("of %s with %p", (driver, options, expected) => {
    expect(target(driver, options)).toEqual({ driver, ...expected } as never);
  });

  test("chosen variables and labels, those with an equals sign or without too, and the tag", () => {
    const options = { env: "A, B", "env-regex": "^EM", labels: "tier,none", tag: "{{.Name}}-{{.ID}}" };
    expect(target("json-file", options)).toMatchObject({
      attributes: { A: "1", B: "x=y", EMPTY: "", tier: "front", tag: "web-0123456789ab" },
    });
  });

  test("a tag may tell everything that Docker's can", () => {
    const tag =
      "{{.FullID}}|{{.ImageName}}|{{.ImageID}}|{{.ImageFullID}}|{{.DaemonName}}|{{.Hostname}}|{{.Command}}|{{.ContainerName}}|{{index .ContainerLabels `tier`}}";
    expect(target("json-file", { tag })).toMatchObject({
      attributes: {
        tag: "0123456789abcdef|nginx:1|sha256:fedcb|sha256:fedcba9876543210|docker|host|/bin/sh -c x|/web|front",
      },
    });
  });
});

describe("a syslog server", () => {
  test.each([
    ["", { kind: "local" }],
    ["udp://log.example", { kind: "udp", host: "log.example", port: 514 }],
    ["tcp://10.0.0.1:1514", { kind: "tcp", host: "10.0.0.1", port: 1514 }],
    ["tcp://[::1]:1514", { kind: "tcp", host: "::1", port: 1514 }],
    ["unix:///run/x.sock", { kind: "unix", path: "/run/x.sock" }],
    ["unixgram:///dev/log", { kind: "unixgram", path: "/dev/log" }],
    ["tcp+tls://h:6514", { kind: "tls", host: "h", port: 6514, tls: { skipVerify: false } }],
  ])("by the address %p", (address, expected) => {
    const options = { "syslog-address": address };
    expect(target("syslog", options)).toMatchObject({
      syslog: { address: expected, facility: 3, format: "unix", tag: "0123456789ab", maxBuffer: 1_000_000 },
      cache: { path: PATHS.cachedLog, maxSize: 20 * 1024 * 1024, maxFiles: 5, compress: true },
    } as never);
  });

  test("by an address that is none is refused", async () => {
    for (const address of ["tcp://a:b", "tcp://[x]:1", "udp://h:70000", "h:514"]) {
      const config = { Type: "syslog", Config: { "syslog-address": address } };
      await expect(checkLogConfig(config)).rejects.toThrow("syslog-address");
    }
  });

  test("has keys and a mode of its own", () => {
    const options = {
      "syslog-address": "tcp+tls://h",
      "syslog-tls-ca-cert": "/ca",
      "syslog-tls-skip-verify": "x",
      "syslog-facility": "local7",
      mode: "non-blocking",
      "max-buffer-size": "4k",
      "cache-max-size": "1m",
    };
    expect(target("syslog", options)).toMatchObject({
      syslog: {
        address: { port: 514, tls: { ca: "/ca", skipVerify: true } },
        ...{ facility: 23, nonBlocking: true, maxBuffer: 4096 },
      },
      cache: { maxSize: 1024 * 1024 },
    });
  });
});

test("what can be read is where the driver keeps it", () => {
  const path = (Type: string, Config = {}) => readablePath({ Type, Config }, PATHS);
  expect(["json-file", "local", "syslog", "none"].map((driver) => path(driver))).toEqual([
    ...[PATHS.log, PATHS.localLog, PATHS.cachedLog, undefined],
  ]);
  expect(path("syslog", { "cache-disabled": "true" })).toBeUndefined();
});

test("names from every object's prototype are no drivers and no options", async () => {
  await expect(checkLogConfig({ Type: "constructor", Config: {} })).rejects.toThrow(
    "looking up logging plugin",
  );
  await expect(checkLogConfig({ Type: "local", Config: { toString: "1" } })).rejects.toThrow(
    "unknown log opt",
  );
});

import { expect, test } from "bun:test";
import { checkContainerValue, containerDefaults, CONTAINER_DEFAULTS as none } from "./container_flags.ts";

const names = { servers: [], search: [], options: [] };

test("what is told becomes what containers get, from either place", () => {
  expect(containerDefaults(none)).toEqual({ init: false, ulimits: [], names });
  const nofile = { Name: "nofile", Soft: 10, Hard: 20 };
  expect(
    containerDefaults({ ...none, init: true, defaultShmSize: "1m", defaultUlimits: ["nofile=10:20"] }),
  ).toEqual({
    init: true,
    shmSize: 1024 * 1024,
    ulimits: [nofile],
    names,
  });
  expect(containerDefaults({ ...none, defaultUlimits: { nofile } }).ulimits).toEqual([nofile]);
});

test("how names are found is a list of each kind, and its servers are addresses", () => {
  const flags = {
    ...none,
    dns: ["192.0.2.1", "2001:db8::1"],
    dnsSearch: ["example.org"],
    dnsOpts: ["ndots:2"],
  };
  expect(containerDefaults(flags).names).toEqual({
    servers: ["192.0.2.1", "2001:db8::1"],
    search: ["example.org"],
    options: ["ndots:2"],
  });
  expect(() => containerDefaults({ ...none, dns: ["example.org"] })).toThrow(
    "example.org is not an ip address",
  );
  expect(checkContainerValue("dns", ["192.0.2.1"], "dns")).toBe(true);
  expect(() => checkContainerValue("dnsOpts", "ndots:2", "daemon.json: dns-opts")).toThrow("list of strings");
});

test("what is wrong is named", () => {
  expect(() => containerDefaults({ ...none, defaultUlimits: ["files=1"] })).toThrow(
    "default-ulimits: invalid ulimit type: files",
  );
  expect(() => containerDefaults({ ...none, defaultShmSize: "0" })).toThrow("default-shm-size must be more");
  expect(() => checkContainerValue("init", "yes", "daemon.json: init")).toThrow("must be a boolean");
  expect(checkContainerValue("hosts", [], "hosts")).toBe(false);
});

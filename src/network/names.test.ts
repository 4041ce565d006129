import { describe, expect, test } from "bun:test";
import { containerTable, resolvesNames } from "./names.ts";
import { type EndpointRecord, freshNetwork, type NetworkRecord, type SandboxRecord } from "./records.ts";

function network(name: string, more: Partial<NetworkRecord> = {}): NetworkRecord {
  return { ...freshNetwork({ Name: name, Driver: "bridge" }), Id: name, ...more };
}

function endpoint(on: string, more: Partial<EndpointRecord> = {}): EndpointRecord {
  return {
    Id: "e",
    Network: on,
    Interface: "eth0",
    Link: "l",
    Address: "10.0.0.2",
    Prefix: 24,
    Gateway: "",
    Address6: "",
    Prefix6: 0,
    Gateway6: "",
    Mac: "",
    DnsNames: [],
    Asked: {},
    ...more,
  };
}

const sandbox = (...Endpoints: EndpointRecord[]): SandboxRecord => ({
  Container: "c",
  Id: "s",
  Key: "k",
  Endpoints,
});

const BRIDGE = network("bridge");
const BACK = network("back", { Subnets: [{ Subnet: "10.0.0.0/24", Gateway: "10.0.0.1" }] });
const INSIDE = network("inside", { Internal: true });
const NETWORKS = new Map([BRIDGE, BACK, INSIDE].map((one) => [one.Id, one]));

describe("a container's table", () => {
  test("has the networks where names are found, links by their aliases, and the host by its gateway", () => {
    const id = "a".repeat(64);
    const links = { Links: ["/DB:store", `${id}:cache`, "web"] };
    const one = sandbox(endpoint("bridge"), endpoint("back", { DnsNames: ["one"], Asked: links }));
    expect(containerTable(one, NETWORKS, undefined)).toEqual({
      networks: [{ id: "back", links: { store: "db", cache: "a".repeat(12), web: "web" } }],
      extra: { "host.docker.internal": ["10.0.0.1"] },
      servers: [],
      forward: true,
      ndots: false,
    });
    expect(containerTable(one, NETWORKS, "192.0.2.1").extra).toEqual({
      "host.docker.internal": ["192.0.2.1"],
    });
  });

  test("lets nothing out of internal networks alone", () => {
    const inside = endpoint("inside", { DnsNames: ["one"] });
    expect(containerTable(sandbox(inside), NETWORKS, undefined)).toMatchObject({ forward: false, extra: {} });
    const both = sandbox(inside, endpoint("bridge"));
    expect(containerTable(both, NETWORKS, undefined).forward).toBe(true);
  });
});

test("a container has a resolver where others find it by name", () => {
  expect(resolvesNames(sandbox(endpoint("bridge")))).toBe(false);
  expect(resolvesNames(sandbox(endpoint("bridge"), endpoint("back", { DnsNames: ["one"] })))).toBe(true);
});

import { expect, test } from "bun:test";
import { addressBytes } from "../kernel/net/inet.ts";
import { lookUp } from "./lookup.ts";
import { TYPE } from "./message.ts";
import type { Known, KnownNetwork } from "./tables.ts";

function bytesOf(address: string): Uint8Array {
  return addressBytes(address) ?? new Uint8Array(0);
}

function network(
  name: string,
  names: Record<string, string[]>,
  links: Record<string, string> = {},
): KnownNetwork {
  return {
    name,
    links: new Map(Object.entries(links)),
    names: new Map(Object.entries(names).map(([name, texts]) => [name, texts.map(bytesOf)])),
    hosts: new Map(),
  };
}

const KNOWN: Known = {
  servers: [],
  forward: true,
  ndots: false,
  extra: new Map([["host.docker.internal", [bytesOf("10.1.0.1")]]]),
  networks: [
    network("front", { web: ["10.1.0.2"], "a.b": ["10.1.0.3"] }, { api: "web", db: "web" }),
    network("back.net", { web: ["10.2.0.2"], db: ["10.2.0.4", "10.2.0.5", "fd00::4"], api: ["10.2.0.9"] }),
  ],
};

function ask(name: string, type: number = TYPE.A): string[] | "elsewhere" {
  const found = lookUp(KNOWN, { name, type, internet: true, id: 1, end: 0, room: 512, edns: false });
  return found === "elsewhere" ? found : found.answers.map(({ data }) => data.join("."));
}

test.each([
  ["a name on two networks is the first one's", "web", ["10.1.0.2"]],
  ["NAME.NETWORK is that network's", "web.back.net", ["10.2.0.2"]],
  ["a name may have dots", "a.b", ["10.1.0.3"]],
  ["also before its network", "a.b.front", ["10.1.0.3"]],
  ["an alias comes before names, whatever the network", "api", ["10.1.0.2"]],
  ["what is on no network comes last", "host.docker.internal", ["10.1.0.1"]],
  ["a network's own name is no name", "front", "elsewhere"],
  ["a name on a network that is not there is not known", "web.nowhere", "elsewhere"],
  ["names of JavaScript's own are none", "__proto__", "elsewhere"],
  ["the empty name is none", "", "elsewhere"],
] as const)("%s", (_, name, expected) => {
  expect(ask(name)).toEqual(expected === "elsewhere" ? expected : [...expected]);
});

test("of several addresses each comes first some time", () => {
  const firsts = new Set(Array.from({ length: 200 }, () => ask("db.back.net")[0]));
  expect([...firsts].sort()).toEqual(["10.2.0.4", "10.2.0.5"]);
});

test("what is no reverse name of an address is asked for elsewhere", () => {
  for (const name of ["1.2.3.in-addr.arpa", "300.0.0.10.in-addr.arpa", "x.ip6.arpa", "in-addr.arpa", "web"])
    expect(ask(name, TYPE.PTR)).toBe("elsewhere");
});

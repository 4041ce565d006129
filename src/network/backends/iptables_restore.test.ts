import { describe, expect, test } from "bun:test";
import { parseSubnet } from "../../std/ip.ts";
import { planRestore } from "./iptables_restore.ts";
import { iptablesRules, type Wanted } from "./iptables_rules.ts";

const prefix = "FATHOM0-";
const subnet = parseSubnet("10.1.0.0/24");
const bridge = {
  link: "br0",
  betweenContainers: true,
  internal: false,
  subnets: [subnet],
  masqueraded: [subnet],
};
const range = { Protocol: "tcp", HostIp: "0.0.0.0", HostPort: 80, ContainerPort: 8080, Count: 1 } as const;
const target = { address4: "10.1.0.2", address6: "" };
const wishes: Wanted = {
  bridges: [bridge],
  published: [{ range, target }],
  forwarder: {},
  others: ["docker0"],
};
const rulesOf = (table: string, wanted: Wanted = wishes) =>
  iptablesRules("fathom0", 4, wanted).find((one) => one.table === table);
const published = (changes: object) =>
  rulesOf("nat", { ...wishes, published: [{ range: { ...range, ...changes }, target }] })?.chains[0]?.rules;

describe("rules", () => {
  test("of a port, of a range that keeps its numbers, and of one that does not", () => {
    expect(published({})).toEqual(["-p tcp --dport 80 -j DNAT --to-destination 10.1.0.2:8080"]);
    expect(published({ HostIp: "192.0.2.1", ContainerPort: 80, Count: 9 })).toEqual([
      "-d 192.0.2.1 -p tcp --dport 80:88 -j DNAT --to-destination 10.1.0.2",
    ]);
    expect(published({ Count: 2 })).toEqual([
      "-p tcp --dport 80 -j DNAT --to-destination 10.1.0.2:8080",
      "-p tcp --dport 81 -j DNAT --to-destination 10.1.0.2:8081",
    ]);
  });

  test("let no container's traffic pass to another engine's bridge", () => {
    expect(rulesOf("filter")?.chains[1]?.rules).toEqual([
      "-i br0 -o docker0 -j RETURN",
      "-i br0 -j ACCEPT",
      "-o br0 -j ACCEPT",
    ]);
  });

  test("of a family without addresses are none", () => {
    expect(iptablesRules("fathom0", 6, wishes)).toEqual([]);
  });

  test("of IPv6 lead to the forwarder where the container has none", () => {
    const six = { range: { ...range, HostIp: "::" }, target };
    const [, nat] = iptablesRules("fathom0", 6, { ...wishes, published: [six], forwarder: { tcp: 4000 } });
    expect(nat?.chains[0]?.rules).toEqual(["-p tcp --dport 80 -j REDIRECT --to-ports 4000"]);
  });

  test("are not made for a link whose name means many to iptables", () => {
    const bridges = [{ ...bridge, link: "br+" }];
    expect(() => iptablesRules("fathom0", 4, { ...wishes, bridges })).toThrow("br+");
  });
});

/** One chain, and a jump to it. */
const one = {
  table: "filter",
  chains: [{ name: "FATHOM0-GUARD", rules: ["-o br0 -j DROP"] }],
  jumps: [{ from: "FORWARD", at: "first", match: "", to: "FATHOM0-GUARD" }],
} as const;
const wanted = [
  {
    ...one,
    chains: one.chains.map(({ name, rules }) => ({ name, rules: [...rules] })),
    jumps: [...one.jumps],
  },
];
const SAVED = `*filter
:FORWARD DROP [0:0]
:FATHOM0-GUARD - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j FATHOM0-GUARD
-A FATHOM0-GUARD -o br0 -j DROP
COMMIT
`;
const lines = (saved: string, what: Partial<Parameters<typeof planRestore>[1]> = {}) =>
  planRestore(saved, { prefix, wanted, full: false, ...what })
    ?.trim()
    .split("\n");

describe("what is told to iptables-restore", () => {
  test("is nothing where all is there", () => {
    expect(lines(SAVED)).toBeUndefined();
  });

  test("makes all where nothing is", () => {
    expect(lines("")).toEqual([
      "*filter",
      ":FATHOM0-GUARD - [0:0]",
      "-A FATHOM0-GUARD -o br0 -j DROP",
      "-I FORWARD 1 -j FATHOM0-GUARD",
      "COMMIT",
    ]);
  });

  test("puts back a rule, and leaves a jump where it is", () => {
    expect(lines(SAVED.replace("-A FATHOM0-GUARD -o br0 -j DROP\n", ""))).toEqual([
      "*filter",
      ":FATHOM0-GUARD - [0:0]",
      "-A FATHOM0-GUARD -o br0 -j DROP",
      "COMMIT",
    ]);
  });

  test("takes all away and nobody else's", () => {
    expect(lines(SAVED, { wanted: [] })).toEqual([
      "*filter",
      ":FATHOM0-GUARD - [0:0]",
      "-D FORWARD -j FATHOM0-GUARD",
      "-X FATHOM0-GUARD",
      "COMMIT",
    ]);
  });
});

import { describe, expect, test } from "bun:test";
import { ruleText } from "../kernel/net/nft_rule.ts";
import type { NetworkResource } from "../spec/docker_network.ts";
import { parseSubnet, subnetText } from "../std/ip.ts";
import { engineName } from "./bridge.ts";
import { filterNetworks } from "./filters.ts";
import { firewallTable } from "./firewall.ts";
import { checkPools, DEFAULT_POOLS, firstFree, usedBy } from "./pools.ts";
import { type NetworkFlags, readSettings } from "./settings.ts";

const FLAGS: NetworkFlags = {
  bridge: undefined,
  bip: undefined,
  fixedCidr: undefined,
  ipv6: false,
  fixedCidrV6: undefined,
  defaultGateway: undefined,
  mtu: 0,
  icc: true,
  ipForward: true,
  ipMasq: true,
  iptables: true,
  firewallBackend: undefined,
  hostGatewayIp: undefined,
  defaultAddressPools: undefined,
  ip: "0.0.0.0",
  ip6tables: true,
  userlandProxy: true,
  respectHostFirewall: false,
};

describe("flags", () => {
  const refused: [string, Partial<NetworkFlags>, string][] = [
    ["a bridge beside its address", { bridge: "br0", bip: "10.0.0.1/24" }, "mutually exclusive"],
    ["a network for an address", { bip: "10.0.0.0/24" }, "names a network"],
    ["a gateway elsewhere", { bip: "10.0.0.1/24", defaultGateway: "10.0.1.1" }, "not in the network"],
    ["a gateway of IPv6", { defaultGateway: "fd00::1" }, "not in the network"],
    ["a bridge of IPv6 alone", { bip: "fd00::1/64" }, "--bip fd00::1/64 is not of IPv4"],
    [
      "a network of IPv4 for IPv6",
      { fixedCidrV6: "10.0.0.0/24" },
      "is not of IPv6: give one like fd00:1::/64",
    ],
    ["a network of one address", { fixedCidrV6: "fd00::/127" }, "has no room for containers"],
    ["a tiny packet", { mtu: 60 }, "--mtu must be between 68 and 65535"],
    ["a name that is none", { bridge: "a b" }, "not the name of a link"],
    ["an address that is none", { hostGatewayIp: "here" }, "invalid IP address"],
    ["a pool too small", { defaultAddressPools: [{ base: "10.0.0.0/24", size: 16 }] }, "cannot be divided"],
    ["a pool of too many", { defaultAddressPools: [{ base: "10.0.0.0/8", size: 30 }] }, "cannot be divided"],
  ];
  test.each(refused)("that ask for %s are refused", (_, flags, sentence) => {
    expect(() => readSettings({ ...FLAGS, ...flags })).toThrow(sentence);
  });

  test("that ask for none leave no default network", () => {
    expect(readSettings({ ...FLAGS, bridge: "none" })).toMatchObject({ disabled: true, existing: undefined });
    expect(readSettings(FLAGS)).toMatchObject({ disabled: false, pools: DEFAULT_POOLS });
  });
});

describe("a network is chosen", () => {
  const used = (...networks: string[]) => networks.map(parseSubnet);

  test("as the first of the pools that is in nobody's way", () => {
    checkPools(DEFAULT_POOLS);
    expect(subnetText(firstFree(DEFAULT_POOLS, []))).toBe("172.17.0.0/16");
    expect(subnetText(firstFree(DEFAULT_POOLS, used("172.17.3.0/24", "172.18.0.1/32")))).toBe(
      "172.19.0.0/16",
    );
    expect(subnetText(firstFree(DEFAULT_POOLS, used("172.16.0.0/12", "192.168.1.0/24")))).toBe(
      "192.168.16.0/20",
    );
  });

  test("or not at all, in a sentence that says what to do", () => {
    expect(() => firstFree([{ base: "10.0.0.0/24", size: 25 }], used("10.0.0.0/8"))).toThrow("--bip");
  });

  test("beside the host's routes, of which the default is in nobody's way", () => {
    const routes = [
      { destination: "0.0.0.0", prefix: 0 },
      { destination: "128.0.0.0", prefix: 1 },
      { destination: "10.2.0.0", prefix: 16 },
    ];
    expect(usedBy(routes).map(subnetText)).toEqual(["10.2.0.0/16"]);
  });

  test("of IPv6 from the pools, and by chance where they have none", () => {
    const pools = [...DEFAULT_POOLS, { base: "fd00:1::/32", size: 64 }];
    checkPools(pools);
    expect(subnetText(firstFree(pools, used("fd00:1::/64", "172.17.0.0/16"), 6))).toBe("fd00:1:0:1::/64");
    expect(subnetText(firstFree(pools, used("fd00:1::/48"), 6))).toBe("fd00:1:1::/64");
    const [one, other] = [firstFree(DEFAULT_POOLS, [], 6), firstFree(DEFAULT_POOLS, [], 6)].map(subnetText);
    expect(one).toMatch(/^fd[0-9a-f]{2}(:[0-9a-f]{1,4}){0,2}::\/64$/);
    expect(one).not.toBe(other);
  });
});

test("an engine's bridge is its own, and the usual engine's has a short name", () => {
  expect(engineName("/var/lib/fathom")).toBe("fathom0");
  const other = engineName("/srv/fathom");
  expect(other).toMatch(/^fathom-[0-9a-f]{8}$/);
  expect(other.length).toBeLessThanOrEqual(15);
});

const SUBNETS = ["10.0.0.0/24", "fd00::/64"].map(parseSubnet);

test("the rules let containers out, answers and what is published in, and nothing else", () => {
  const bridge = {
    link: "br0",
    betweenContainers: true,
    internal: false,
    subnets: SUBNETS,
    masqueraded: SUBNETS,
  };
  const rules = (wishes: Partial<typeof bridge>) =>
    Object.fromEntries(
      firewallTable("t", [{ ...bridge, ...wishes }], []).chains.map((chain) => [
        chain.name,
        chain.rules.map(ruleText),
      ]),
    );
  expect(rules({})).toMatchObject({
    martians: [
      'iifname "br0" ip daddr 127.0.0.0/8 counter drop',
      'iifname "br0" ip saddr 127.0.0.0/8 counter drop',
    ],
    prerouting: ["ip daddr 127.0.0.0/8 return", "fib daddr type local jump published"],
    output: ["fib daddr type local jump published"],
    postrouting: [
      'oifname "br0" ip saddr 127.0.0.0/8 ct status dnat counter masquerade',
      'oifname "br0" ip saddr 10.0.0.0/24 ct status dnat counter masquerade',
      'oifname "br0" ip6 saddr fd00::/64 ct status dnat counter masquerade',
      'ip saddr 10.0.0.0/24 oifname != "br0" counter masquerade',
      'ip6 saddr fd00::/64 oifname != "br0" counter masquerade',
    ],
    forward: [
      'oifname "br0" ct status dnat accept',
      'iifname "br0" oifname "br0" accept',
      'oifname "br0" ct state established,related accept',
      'oifname "br0" counter drop',
    ],
  });
  expect(rules({ masqueraded: [], betweenContainers: false })).toMatchObject({
    postrouting: [expect.any(String), expect.any(String), expect.any(String)],
    forward: [
      'oifname "br0" ct status dnat accept',
      'iifname "br0" oifname "br0" counter drop',
      expect.any(String),
      expect.any(String),
    ],
  });
  expect(rules({ internal: true })).toMatchObject({
    forward: [
      expect.any(String),
      'iifname "br0" oifname "br0" accept',
      'iifname "br0" counter drop',
      'oifname "br0" counter drop',
    ],
  });
});

describe("filters", () => {
  const network = (Name: string, Driver: string) =>
    ({
      Id: `id-${Name}`,
      Name,
      Driver,
      Scope: "local",
      Labels: { a: "b" },
      Containers: {},
    }) as unknown as NetworkResource;
  const networks = [network("bridge", "bridge"), network("none", "null"), network("front", "bridge")];
  const names = (filters: Record<string, string[]>) =>
    filterNetworks(networks, filters).map(({ Name }) => Name);

  test("choose by each of Docker's names", () => {
    expect(names({ driver: ["bridge"], name: ["ro"] })).toEqual(["front"]);
    expect(names({ type: ["builtin"] })).toEqual(["bridge", "none"]);
    expect(names({ dangling: ["true"] })).toEqual(["front"]);
    expect(names({ label: ["a=b"], id: ["id-none"] })).toEqual(["none"]);
    expect(names({ label: ["a=c"] })).toEqual([]);
  });

  test("that are none are refused by name", () => {
    expect(() => names({ colour: ["red"] })).toThrow("invalid filter 'colour'");
    expect(() => names({ type: ["new"] })).toThrow("invalid filter: 'type=new'");
  });
});

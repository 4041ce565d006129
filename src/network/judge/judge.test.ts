/** Judgements of real rules against what the kernel itself does with real packets is in test/integration; here against nft's own rules, read from a namespace. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { inNetworkNamespace, makeNetworkNamespace, readRuleSet } from "../../kernel/net/mod.ts";
import { judge } from "./judge.ts";
import type { Packet } from "./packet.ts";

const PACKET: Packet = {
  version: 4,
  in: "eth0",
  out: "",
  source: Uint8Array.of(198, 51, 100, 7),
  destination: Uint8Array.of(192, 0, 2, 1),
  isForHost: true,
  protocol: "tcp",
  port: 8080,
  connection: "new",
  isTranslated: false,
};

let namespace: ReturnType<typeof makeNetworkNamespace>;
beforeAll(() => {
  namespace = makeNetworkNamespace();
});
afterAll(() => namespace[Symbol.dispose]());

/** The rules that a script leaves, in a namespace of the test's own. */
async function rulesOf(script: string) {
  const run = Bun.spawn(["nsenter", `--net=/proc/${process.pid}/fd/${namespace.fd}`, "sh", "-ec", script], {
    stderr: "pipe",
  });
  expect([await run.exited, await new Response(run.stderr).text()].join(" ").replaceAll(/#.*\n/g, "")).toBe(
    "0 ",
  );
  return inNetworkNamespace(namespace.fd, () => readRuleSet());
}

const nft = (text: string) => `nft flush ruleset; nft -f - <<'END'\n${text}\nEND`;
const input = (rules: string, more = "") =>
  nft(`table inet t {
${more} chain in { type filter hook input priority 0; policy drop;
${rules}
}
}`);

describe("rules of nftables", () => {
  const cases: [string, string, boolean, Partial<Packet>?][] = [
    ["a policy", "", false],
    ["a port", "tcp dport 8080 accept", true],
    ["another port", "tcp dport 81 accept", false],
    ["a set of ports", "tcp dport { 22, 8080 } accept", true],
    ["a range of ports", "tcp dport 8000-8100 accept", true],
    ["a set of ranges", "tcp dport { 1-100, 8000-8100 } accept", true],
    ["a set of ranges without it", "tcp dport { 1-100, 8081-8100 } accept", false],
    ["a source", "ip saddr 198.51.100.0/24 accept", true],
    ["another source", "ip saddr 198.51.101.0/24 accept", false],
    ["a link", 'iifname "eth0" accept', true],
    ["links by a beginning", 'iifname "eth*" accept', true],
    ["a state", "ct state established,related accept", false],
    ["a state of a later packet", "ct state established,related accept", true, { connection: "established" }],
    ["a map of verdicts", "tcp dport vmap { 22 : drop, 8080 : accept }", true],
    ["a map of states", "ct state vmap { invalid : drop, new : accept }", true],
    ["source and port together", "ip saddr . tcp dport { 198.51.100.7 . 8080 } accept", true],
    ["ranges of source and port", "ip saddr . tcp dport { 198.51.100.0/24 . 8000-9000 } accept", true],
    ["ranges without it", "ip saddr . tcp dport { 198.51.100.0/24 . 9000-9100 } accept", false],
    ["the host's own address", "fib daddr type local tcp dport 8080 accept", true],
    ["a limit", "tcp dport 8080 limit rate 10/second accept", true],
    ["a limit that is passed", "tcp dport 8080 limit rate over 10/second drop; accept", true],
    ["a refusal", "tcp dport 8080 reject; accept", false],
    [
      "IPv6",
      "ip6 saddr 2001:db8::/32 accept",
      true,
      {
        version: 6,
        source: new Uint8Array([0x20, 1, 0xd, 0xb8, ...new Uint8Array(12)]),
        destination: new Uint8Array(16),
      },
    ],
    ["UDP", "udp dport 8080 accept", true, { protocol: "udp" }],
  ];
  test.each(cases)("%s", async (_, rules, passes, packet = {}) => {
    const found = judge(await rulesOf(input(rules)), "input", { ...PACKET, ...packet });
    expect([found.passes, found.isCertain]).toEqual([passes, true]);
  });

  test("a drop of one chain is final, whatever another accepts", async () => {
    const tables = await rulesOf(
      nft(
        `table inet a {\nchain c {\ntype filter hook input priority -1\naccept\n}\n}\ntable ip b {\nchain d {\ntcp dport 8080 drop\n}\nchain c {\ntype filter hook input priority 0\njump d\n}\n}`,
      ),
    );
    const { passes, by } = judge(tables, "input", PACKET);
    expect(passes).toBe(false);
    expect(by).toMatchObject({ family: "ip", table: "b", chain: "d" });
    expect(judge(tables, "input", { ...PACKET, port: 1 }).passes).toBe(true);
  });

  test("what a named set holds counts, and what is not known is said to be", async () => {
    const set = "set s { type ipv4_addr; flags interval; elements = { 198.51.100.0/28 }; }\n";
    expect(judge(await rulesOf(input("ip saddr @s accept", set)), "input", PACKET).passes).toBe(true);
    const unknown = judge(await rulesOf(input("meta skuid 7 accept")), "input", PACKET);
    expect([unknown.passes, unknown.isCertain]).toEqual([false, false]);
  });
});

describe("rules of iptables", () => {
  const cases: [string, string, boolean][] = [
    ["a policy", "true", false],
    ["a port", "iptables-nft -A INPUT -p tcp --dport 8080 -j ACCEPT", true],
    ["ports", "iptables-nft -A INPUT -p tcp -m multiport --dports 80,8000:9000 -j ACCEPT", true],
    ["a state", "iptables-nft -A INPUT -m conntrack --ctstate NEW -j ACCEPT", true],
    ["an older state", "iptables-nft -A INPUT -m state --state ESTABLISHED -j ACCEPT", false],
    ["the host's own address", "iptables-nft -A INPUT -m addrtype --dst-type LOCAL -j ACCEPT", true],
    [
      "a chain of one's own",
      "iptables-nft -N mine; iptables-nft -A mine -m comment --comment x -j ACCEPT; iptables-nft -A INPUT -s 198.51.100.0/24 -j mine",
      true,
    ],
    ["a refusal", "iptables-nft -A INPUT -j REJECT; iptables-nft -A INPUT -j ACCEPT", false],
    ["a log", "iptables-nft -A INPUT -m limit --limit 3/min -j LOG; iptables-nft -A INPUT -j ACCEPT", true],
  ];
  test.each(cases)("%s", async (_, script, passes) => {
    const tables = await rulesOf(`nft flush ruleset; iptables-nft -P INPUT DROP; ${script}`);
    const found = judge(tables, "input", PACKET);
    expect([found.passes, found.isCertain]).toEqual([passes, true]);
  });
});

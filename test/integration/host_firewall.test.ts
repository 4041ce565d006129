/** Published ports behind the host's own firewall, with `--respect-host-firewall`: what real firewalls would have the kernel do. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";
import { makeHost, type TestHost } from "./_hosts.ts";

let host: TestHost;
let engine: Engine;
beforeAll(async () => {
  host = await makeHost("wall");
  engine = await startFathom({ network: host.name, args: ["--respect-host-firewall"] });
  const server = "while true; do echo served | nc -l -p 80; done";
  await engine.output("fathom", [
    ...["run", "-d", "--name", "web", "-p", "8080:80", "-p", "8081:80", "busybox", "sh", "-c", server],
  ]);
});
afterEach(() => host.there("nft", "flush", "ruleset"));
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

/** What a client outside gets of a published port. */
const got = (port: number) => host.got("outside", host.address, port);

/** Longer than the engine may take: a second. */
const until = (port: number, what: string) =>
  eventually(`${what} at port ${port}`, async () => (await got(port)) === what, 5000);

const nft = (text: string) => host.there("sh", "-ec", `nft -f - <<'END'\n${text}\nEND`);

/** As ufw lays its chains out: INPUT jumps to its own, the user's among them, and the policy drops. */
const UFW = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:ufw-before-input - [0:0]
:ufw-after-input - [0:0]
:ufw-user-input - [0:0]
:ufw-not-local - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-limit-accept - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -j ufw-not-local
-A ufw-before-input -j ufw-user-input
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A ufw-not-local -j DROP
-A ufw-user-input -p tcp -m tcp --dport 8080 -j ACCEPT
-A ufw-user-limit -m limit --limit 3/min -j LOG --log-prefix "[UFW LIMIT BLOCK] "
-A ufw-user-limit -j REJECT --reject-with icmp-port-unreachable
-A ufw-user-limit-accept -j ACCEPT
COMMIT
`;

/** As firewalld does it: one chain that ends with a refusal, zones by maps and chains, an accept of what is known. */
const FIREWALLD = `table inet firewalld {
  set trusted { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }
  chain filter_IN_public_allow { tcp dport 8080 ct state { new, untracked } accept; }
  chain filter_IN_public { jump filter_IN_public_allow; }
  chain filter_INPUT_ZONES { iifname "up0" goto filter_IN_public; goto filter_IN_public; }
  chain filter_INPUT {
    type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    iifname "lo" accept
    ip saddr @trusted accept
    jump filter_INPUT_ZONES
    ct state invalid drop
    reject with icmpx type admin-prohibited
  }
}`;

describe("what a user allows is reachable, and nothing else, and a change counts within a second", () => {
  test("with ufw's chains", async () => {
    await host.there("sh", "-ec", `iptables-nft-restore <<'END'\n${UFW}END`);
    await until(8080, "served");
    await until(8081, "nothing");
    await host.there("iptables-nft", "-A", "ufw-user-input", "-p", "tcp", "--dport", "8081", "-j", "ACCEPT");
    await until(8081, "served");
    await host.there("iptables-nft", "-F", "ufw-user-input");
    await until(8080, "nothing");
  });

  test("with firewalld's", async () => {
    await nft(FIREWALLD.replaceAll("; }", "; \n}"));
    await until(8080, "served");
    await until(8081, "nothing");
    await host.there("nft", "add rule inet firewalld filter_IN_public_allow tcp dport 8081 accept");
    await until(8081, "served");
  });

  test("with plain rules of nftables: a set, a map of verdicts, a source", async () => {
    await nft(
      `table inet mine {
      set open { type inet_service; elements = { 22, 8080 }; }
      map who { type ipv4_addr : verdict; flags interval; elements = { 198.51.100.0/24 : jump friends }; }
      chain friends { tcp dport 8081 accept; }
      chain in {
        type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        tcp dport @open accept
      }
    }`.replaceAll("; }", ";\n}"),
    );
    await until(8080, "served");
    await until(8081, "nothing");
    await host.there("nft", "delete element inet mine open { 8080 }");
    await until(8080, "nothing");
    await host.there("nft", "add rule inet mine in ip saddr vmap @who");
    await until(8081, "served");
    expect(await got(8080)).toBe("nothing");
  });

  test("with rules of iptables that refuse", async () => {
    await host.there(
      "iptables-nft",
      "-A",
      "INPUT",
      "-p",
      "tcp",
      "--dport",
      "8081",
      "-j",
      "REJECT",
      "--reject-with",
      "tcp-reset",
    );
    await until(8081, "refused");
    expect(await got(8080)).toBe("served");
    await host.there("iptables-nft", "-I", "INPUT", "-s", `${host.outside}/32`, "-j", "ACCEPT");
    await until(8081, "served");
  });

  test("and where nothing filters all is open", async () => {
    await until(8081, "served");
    expect(await host.there("nft", "list", "tables")).not.toContain("-input-");
  });
});

test("a port that is published later is closed from its first moment, and the copies go with the last", async () => {
  await host.there("iptables-nft", "-P", "INPUT", "DROP");
  await engine.output("fathom", ["run", "-d", "--name", "late", "-p", "8090:80", "busybox", "sleep", "1000"]);
  const copy = await host.there("nft", "list", "ruleset");
  expect(copy).toMatch(/table ip fathom-\w+-input-0 \{/);
  expect(copy).toMatch(/tcp dport 8090 drop/);
  await engine.output("fathom", ["rm", "-f", "late"]);
  expect(await host.there("nft", "list", "ruleset")).not.toContain("8090");
});

describe("by IPv6", () => {
  const got6 = (port: number) => host.got("outside", host.address6, port);
  const until6 = (port: number, what: string) =>
    eventually(`${what} at port ${port} of IPv6`, async () => (await got6(port)) === what, 5000);
  const ip6tables = (...words: string[]) => host.there("ip6tables-nft", ...words);

  test("the host's own rules are respected, whether the container has an address of it or not", async () => {
    await engine.output("fathom", ["network", "create", "--ipv6", "--subnet", "fd00:37::/64", "six"]);
    const server = "while true; do echo served | nc -l -p 80; done";
    const run = ["run", "-d", "--name", "native", "--network", "six", "-p", "8086:80"];
    await engine.output("fathom", [...run, "busybox", "sh", "-c", server]);
    await until6(8086, "served");
    await until6(8080, "served");
    await ip6tables("-P", "INPUT", "DROP");
    await ip6tables("-A", "INPUT", "-p", "ipv6-icmp", "-j", "ACCEPT");
    await until6(8086, "nothing");
    await until6(8080, "nothing");
    expect(await got(8080)).toBe("served");
    await ip6tables("-A", "INPUT", "-p", "tcp", "--dport", "8086", "-j", "ACCEPT");
    await until6(8086, "served");
    await host.there("nft", "flush", "ruleset");
    await until6(8080, "served");
    await engine.output("fathom", ["rm", "-f", "native"]);
    await engine.output("fathom", ["network", "rm", "six"]);
  });
});

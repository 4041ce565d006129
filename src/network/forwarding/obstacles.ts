/**
 * Who else on this host drops what containers send and receive. Pure: rules and links in, obstacles out.
 *
 * A packet that this engine's table accepts is still dropped where another table's chain at the hook forward drops it. Docker and ufw
 * set such a policy for iptables' FORWARD, firewalld ends its chain with a refusal, and so may anybody's own rules.
 */

import type { HostChain, HostTable } from "../../kernel/net/mod.ts";
import { basesOf, judgeChain, type Place } from "../judge/judge.ts";
import type { Packet } from "../judge/packet.ts";

/** What is asked about: the engine's bridges, and the link by which the host reaches the outside. */
export interface Ways {
  /** The engine's own table, which is no obstacle. */
  table: string;
  bridges: readonly { link: string; versions: readonly (4 | 6)[] }[];
  outside: string;
}

/** A chain that stops something. */
export interface Obstacle {
  table: HostTable;
  chain: HostChain;
  version: 4 | 6;
  /** What exactly stops it. */
  by: Place;
  /** The bridges whose containers are concerned. */
  links: string[];
}

/** The chains that stop what containers send, or what they are answered; not those of which that is not certain. */
export function obstaclesOf(tables: readonly HostTable[], { table, bridges, outside }: Ways): Obstacle[] {
  const others = tables.filter(({ family, name }) => !(family === "inet" && name === table));
  const found: Obstacle[] = [];
  for (const { link, versions } of bridges)
    for (const version of versions)
      for (const base of basesOf(others, "forward", { version })) {
        const stopped = packetsOf(link, outside, version)
          .map((packet) => judgeChain(base.table, base.chain, packet))
          .find(({ passes, isCertain }) => !passes && isCertain);
        if (stopped?.by === undefined) continue;
        const known = found.find(({ chain, version: of }) => chain === base.chain && of === version);
        if (known !== undefined) known.links.push(link);
        else found.push({ table: base.table, chain: base.chain, version, by: stopped.by, links: [link] });
      }
  return found;
}

/** What a container sends, what it is answered, and what comes to a port of it that is published. */
function packetsOf(link: string, outside: string, version: 4 | 6): Packet[] {
  const length = version === 4 ? 4 : 16;
  const sent: Packet = {
    version,
    in: link,
    out: outside,
    source: new Uint8Array(length).fill(10),
    destination: new Uint8Array(length).fill(9),
    isForHost: false,
    protocol: "tcp",
    port: 443,
    connection: "new",
    isTranslated: false,
  };
  const { source: destination, destination: source } = sent;
  const answer: Packet = { ...sent, in: outside, out: link, source, destination, connection: "established" };
  return [sent, answer, { ...answer, connection: "new", isTranslated: true }];
}

/** The chain FORWARD of iptables, where by old custom everybody adds rules of their own. */
export function isOfIptables({ table, chain }: Pick<Obstacle, "table" | "chain">): boolean {
  return table.name === "filter" && table.family !== "inet" && chain.name === "FORWARD";
}

/** What a person should know who has to mend it, in one sentence with the command. */
export function tellObstacle({ table, chain, by, links, version }: Obstacle): string {
  const what = by.handle === undefined ? "drops what it does not know" : `stops it by its rule ${by.handle}`;
  const where = by.chain === chain.name ? "" : ` (in ${by.chain})`;
  return `WARNING: the chain ${chain.name} of table ${table.family} ${table.name} ${what}${where}, and with it what containers on ${links.join(", ")} send and receive; let it pass: ${links.map((link) => commandFor(link, { table, chain, version })).join("; ")}`;
}

function commandFor(
  link: string,
  { table, chain, version }: Pick<Obstacle, "table" | "chain" | "version">,
): string {
  if (table.name === "firewalld") return `firewall-cmd --zone=trusted --add-interface=${link}`;
  if (!isOfIptables({ table, chain })) {
    const place = `nft insert rule ${table.family} ${table.name} ${chain.name}`;
    return `${place} iifname "${link}" accept; ${place} oifname "${link}" accept`;
  }
  const place = `${version === 4 ? "iptables" : "ip6tables"}${table.kept === "legacy" ? "-legacy" : ""} -I ${table.chains.has("DOCKER-USER") ? "DOCKER-USER" : "FORWARD"}`;
  return `${place} -i ${link} -j ACCEPT; ${place} -o ${link} -j ACCEPT`;
}

/**
 * The rules of an engine's networks as those of iptables, by chains of the engine's own. Pure.
 *
 * They say what firewall.ts says: the same packets get another destination, are dropped, or are masqueraded. In nftables a table of
 * one's own accepts for itself alone; here all share the chain FORWARD. So what is not allowed is dropped at its beginning (GUARD,
 * which lets all else go on), and at its end, where only the policy is left, the engine's traffic passes (PASS): whatever others have
 * said in between stays in force.
 */

import { FathomError } from "../../std/errors.ts";
import { type Family, type Subnet, subnetText } from "../../std/ip.ts";
import type { FilteredBridge } from "../firewall.ts";
import type { ForwarderPorts, Target } from "../ports/maps.ts";
import { familyOf, isEvery, meet, type PublishedRange } from "../ports/port.ts";

export const TABLES = ["raw", "nat", "filter"] as const;

/** The engine's chains in one table, and where others' chains lead there. */
export interface TableRules {
  table: (typeof TABLES)[number];
  chains: { name: string; rules: string[] }[];
  jumps: Jump[];
}

export interface Jump {
  from: string;
  at: "first" | "last";
  /** What it is about; empty for all. */
  match: string;
  to: string;
}

/** What the rules are to be about. */
export interface Wanted {
  bridges: readonly FilteredBridge[];
  published: readonly { range: PublishedRange; target: Target }[];
  forwarder: ForwarderPorts;
  /** Links that are bridges of this host and not the engine's. */
  others: readonly string[];
}

const LOOPBACK = { 4: "127.0.0.0/8", 6: "::1" } as const;
const SENT_ON = "-m conntrack --ctstate DNAT";
const KNOWN = "-m conntrack --ctstate RELATED,ESTABLISHED";

/** How the names of an engine's chains begin. */
export function chainPrefix(table: string): string {
  return `${table.toUpperCase()}-`;
}

/** The rules of one family of addresses; none where nothing is to be said. @throws {FathomError} invalid, for the name of a link. */
export function iptablesRules(table: string, family: Family, wanted: Wanted): TableRules[] {
  const bridges = wanted.bridges.filter(({ subnets }) => subnets.some((one) => one.family === family));
  for (const { link } of bridges) checkLink(link);
  const published = publishedRules(family, wanted);
  if (bridges.length === 0 && published.length === 0) return [];
  const name = (chain: string) => `${chainPrefix(table)}${chain}`;
  const martians = family === 4 ? bridges.flatMap(martianRules) : [];
  return [
    {
      table: "raw",
      chains: [{ name: name("MARTIANS"), rules: martians }],
      jumps: [{ from: "PREROUTING", at: "first", match: "", to: name("MARTIANS") }],
    },
    {
      table: "nat",
      chains: [
        { name: name("PUBLISHED"), rules: published },
        { name: name("ANSWERS"), rules: bridges.flatMap((one) => answerRules(family, one)) },
      ],
      jumps: [
        // From outside nobody reaches what is published at 127.0.0.1.
        {
          from: "PREROUTING",
          at: "last",
          match: `! -d ${LOOPBACK[family]} ${FOR_HOST}`,
          to: name("PUBLISHED"),
        },
        { from: "OUTPUT", at: "last", match: FOR_HOST, to: name("PUBLISHED") },
        { from: "POSTROUTING", at: "first", match: "", to: name("ANSWERS") },
      ],
    },
    {
      table: "filter",
      chains: [
        {
          name: name("GUARD"),
          rules: [
            ...bridges.map(({ link }) => `-o ${link} ${SENT_ON} -j RETURN`),
            ...bridges.flatMap(isolationRules),
          ],
        },
        { name: name("PASS"), rules: bridges.flatMap((one) => passRules(one, wanted.others)) },
      ],
      jumps: [
        { from: "FORWARD", at: "first", match: "", to: name("GUARD") },
        { from: "FORWARD", at: "last", match: "", to: name("PASS") },
      ],
    },
  ];
}

const FOR_HOST = "-m addrtype --dst-type LOCAL";

/** A name that ends with + means many links to iptables(8), and quotes mean something to iptables-restore(8). */
function checkLink(link: string): void {
  if (/^[\w.@:~-]+$/.test(link)) return;
  throw new FathomError("invalid", `iptables cannot be told of a link named ${JSON.stringify(link)}`);
}

/** See ports/rules.ts for why: CVE-2020-8558. */
function martianRules({ link }: FilteredBridge): string[] {
  return [`-i ${link} -d ${LOOPBACK[4]} -j DROP`, `-i ${link} -s ${LOOPBACK[4]} -j DROP`];
}

/** As isolation.ts. */
function isolationRules({ link, betweenContainers, internal }: FilteredBridge): string[] {
  const among = `-i ${link} -o ${link} -j ${betweenContainers ? "RETURN" : "DROP"}`;
  if (internal) return [among, `-i ${link} -j DROP`, `-o ${link} -j DROP`];
  return [among, `-o ${link} ${KNOWN} -j RETURN`, `-o ${link} -j DROP`];
}

/** What GUARD let go on, and nobody stopped. To others' bridges the policy holds as before. */
function passRules({ link }: FilteredBridge, others: readonly string[]): string[] {
  return [
    ...others.map((other) => `-i ${link} -o ${other} -j RETURN`),
    `-i ${link} -j ACCEPT`,
    `-o ${link} -j ACCEPT`,
  ];
}

/** As answerRules in ports/rules.ts, and masquerade.ts. */
function answerRules(family: Family, { link, subnets, masqueraded }: FilteredBridge): string[] {
  const own = (some: readonly Subnet[]) => some.filter((one) => one.family === family).map(subnetText);
  return [
    ...(family === 4 ? [`-o ${link} -s ${LOOPBACK[4]} ${SENT_ON} -j MASQUERADE`] : []),
    ...own(subnets).map((subnet) => `-o ${link} -s ${subnet} ${SENT_ON} -j MASQUERADE`),
    ...own(masqueraded).map((subnet) => `-s ${subnet} ! -o ${link} -j MASQUERADE`),
  ];
}

/** As entriesOf in ports/maps.ts: what goes to the forwarder first. */
function publishedRules(family: Family, { published, forwarder }: Wanted): string[] {
  const ranges = published.filter(({ range }) => familyOf(range.HostIp) === family);
  const forwarded = ranges.flatMap(({ range, target }) => forwardedRules(range, target, forwarder));
  const sentOn = ranges.flatMap(({ range, target }) =>
    sentOnRules(range, family === 4 ? target.address4 : target.address6),
  );
  return [...forwarded, ...sentOn];
}

function forwardedRules(range: PublishedRange, target: Target, forwarder: ForwarderPorts): string[] {
  const port = forwarder[range.Protocol];
  if (familyOf(range.HostIp) !== 6 || port === undefined) return [];
  const redirect = (HostIp: string) => `${matchOf({ ...range, HostIp })} -j REDIRECT --to-ports ${port}`;
  if (target.address6 === "") return target.address4 === "" ? [] : [redirect(range.HostIp)];
  // Nothing can be sent on from ::1, to whatever address.
  return meet(range.HostIp, LOOPBACK[6]) ? [redirect(LOOPBACK[6])] : [];
}

function sentOnRules(range: PublishedRange, address: string): string[] {
  if (address === "") return [];
  const { HostPort, ContainerPort, Count } = range;
  if (Count > 1 && HostPort === ContainerPort)
    return [`${matchOf(range)} -j DNAT --to-destination ${address}`];
  const place = familyOf(address) === 6 ? `[${address}]` : address;
  return Array.from({ length: Count }, (_, at) => {
    const match = matchOf({ ...range, HostPort: HostPort + at, Count: 1 });
    return `${match} -j DNAT --to-destination ${place}:${ContainerPort + at}`;
  });
}

function matchOf({ Protocol, HostIp, HostPort, Count }: PublishedRange): string {
  const address = isEvery(HostIp) ? "" : `-d ${HostIp} `;
  const last = Count === 1 ? "" : `:${HostPort + Count - 1}`;
  return `${address}-p ${Protocol} --dport ${HostPort}${last}`;
}

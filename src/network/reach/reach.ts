/**
 * From where a container's ports are reached, and which rule decides: pure, from the sockets in it, what is published, and the rules
 * of the host as they are, everybody's.
 *
 * For each way a packet is made up and sent past the rules that it would meet (../judge/): what comes from outside to a published port
 * passes prerouting, where copies of the host's own rules may stand, and forward; what the host sends passes output.
 */

import type { HostTable } from "../../kernel/net/mod.ts";
import type { Origin, ReachPort, ReachRule, ReachWay } from "../../spec/reach.ts";
import { type Judgement, judge } from "../judge/judge.ts";
import type { Packet } from "../judge/packet.ts";
import { EVERY_ADDRESS, familyOf, ipBytes, type PublishedRange, placeText } from "../ports/port.ts";

export interface ReachFacts {
  tables: readonly HostTable[];
  sockets: readonly { protocol: "tcp" | "udp"; address: string; port: number }[];
  published: readonly PublishedRange[];
  /** One for each address of the container. */
  connections: readonly {
    network: string;
    link: string;
    address: string;
    gateway: string;
    /** Containers on the network reach each other. */
    open: boolean;
  }[];
  /** The link by which the host reaches the outside. */
  outside: string;
  /** An address of the host as the outside knows it, by family. */
  hostAddress: { 4: string; 6: string };
}

type Protocol = ReachPort["Protocol"];

/** One entry for each port that somebody listens on or that is published, in the order of ports. */
export function reachOf(facts: ReachFacts): ReachPort[] {
  const all = new Map<string, { port: number; protocol: Protocol }>();
  const add = (port: number, protocol: Protocol) => all.set(`${port}/${protocol}`, { port, protocol });
  for (const { port, protocol } of facts.sockets) add(port, protocol);
  for (const { ContainerPort, Count, Protocol } of facts.published)
    for (let at = 0; at < Math.min(Count, MOST_OF_A_RANGE); at++) add(ContainerPort + at, Protocol);
  return [...all.values()]
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1))
    .map(({ port, protocol }) => {
      const ListensAt = facts.sockets
        .filter((one) => one.port === port && one.protocol === protocol)
        .map(({ address }) => address);
      return {
        Port: port,
        Protocol: protocol,
        ListensAt,
        Ways: waysTo(facts, { port, protocol, ListensAt }),
      };
    });
}

/** Of a long range the first ones stand for the rest. */
const MOST_OF_A_RANGE = 16;

interface Target {
  port: number;
  protocol: Protocol;
  ListensAt: readonly string[];
}

function waysTo(facts: ReachFacts, target: Target): ReachWay[] {
  const ways: ReachWay[] = [];
  if (target.ListensAt.length > 0) {
    const [first = ""] = target.ListensAt;
    ways.push(way("container", placeText(first, target.port), "a program listens there"));
  }
  for (const connection of facts.connections) ways.push(...directWays(facts, target, connection));
  ways.push(...publishedWays(facts, target));
  return ways.map((one) => (one.From === "container" ? one : withSocket(one, target)));
}

export function way(From: Origin, At: string, Why: string): ReachWay {
  return { From, At, Reachable: true, Certain: true, Why };
}

/** Whatever the rules say, somebody has to listen where the packet arrives. */
function withSocket(one: ReachWay, { ListensAt }: Target): ReachWay {
  if (!one.Reachable) return one;
  if (ListensAt.length === 0) return closed(one, "nobody listens there, though the rules would let it pass");
  if (ListensAt.every(isLoopback))
    return closed(
      one,
      `its program listens at ${ListensAt.join(" and ")} only, which is the container's own loopback: have it listen at 0.0.0.0`,
    );
  return one;
}

export function closed({ By: _, ...one }: ReachWay, Why: string): ReachWay {
  return { ...one, Reachable: false, Why };
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** To the container's own address. */
function directWays(
  facts: ReachFacts,
  target: Target,
  { link, address, gateway, open, network }: ReachFacts["connections"][number],
): ReachWay[] {
  const at = placeText(address, target.port);
  const packet = packetTo(target, { address, in: facts.outside, out: link });
  const neighbours: ReachWay = open
    ? way("neighbours", at, `containers on ${network} reach each other by the bridge ${link}`)
    : closed(
        way("neighbours", at, ""),
        `containers on ${network} are kept apart by the bridge ${link} (icc)`,
      );
  const fromHost = judge(facts.tables, "output", { ...packet, in: "", source: ipBytes(gateway || address) });
  const fromOther = judge(facts.tables, "forward", { ...packet, in: ANOTHER });
  return [
    neighbours,
    judged("host", at, [fromHost]),
    judged("other networks", at, [fromOther]),
    judged("outside", at, [judge(facts.tables, "forward", packet)]),
  ];
}

/** A link that no rule knows by its name. */
const ANOTHER = "another";

/** By a port of the host. */
function publishedWays(facts: ReachFacts, { port, protocol }: Target): ReachWay[] {
  return facts.published
    .filter(
      ({ Protocol: own, ContainerPort, Count }) =>
        own === protocol && ContainerPort <= port && port < ContainerPort + Count,
    )
    .flatMap((range) => {
      const hostPort = range.HostPort + port - range.ContainerPort;
      const at = placeText(range.HostIp, hostPort);
      const local = way("host", at, `port ${hostPort} of the host leads to it`);
      if (isLoopback(range.HostIp))
        return [local, closed(way("outside", at, ""), "it is published at the host's loopback only")];
      return [local, fromOutside(facts, { range, hostPort, port, protocol })];
    });
}

function fromOutside(
  facts: ReachFacts,
  {
    range,
    hostPort,
    port,
    protocol,
  }: { range: PublishedRange; hostPort: number; port: number; protocol: Protocol },
): ReachWay {
  const at = placeText(range.HostIp, hostPort);
  const family = familyOf(range.HostIp);
  const everywhere = range.HostIp === EVERY_ADDRESS[family];
  const arrived = packetTo(
    { port: hostPort, protocol },
    { address: everywhere ? facts.hostAddress[family] : range.HostIp, in: facts.outside, out: "" },
  );
  const before = judge(facts.tables, "prerouting", { ...arrived, isForHost: true });
  const end = facts.connections.find(({ address }) => familyOf(address) === family);
  if (end === undefined) return byForwarder(judged("outside", at, [before]), facts.tables, arrived);
  const sentOn = packetTo({ port, protocol }, { address: end.address, in: facts.outside, out: end.link });
  return judged("outside", at, [before, judge(facts.tables, "forward", { ...sentOn, isTranslated: true })]);
}

/** To a container without an address of that family a process of the host passes it on, at a port of its own. */
function byForwarder(one: ReachWay, tables: readonly HostTable[], packet: Packet): ReachWay {
  if (!one.Reachable) return one;
  const isOpen = judge(tables, "input", { ...packet, isForHost: true }).by === undefined;
  return { ...one, Certain: isOpen, Why: "a process of the host takes it and passes it on by IPv4" };
}

/** All have to let it pass; of those that do the last is named. */
export function judged(From: Origin, At: string, judgements: readonly Judgement[]): ReachWay {
  const decisive =
    judgements.find(({ passes }) => !passes) ?? judgements.findLast(({ by }) => by !== undefined);
  const Certain = judgements.every(({ isCertain }) => isCertain);
  if (decisive === undefined || decisive.by === undefined)
    return { From, At, Reachable: true, Certain, Why: "no rule is in the way" };
  const { family: Family, table: Table, chain: Chain, handle } = decisive.by;
  const By: ReachRule = { Family, Table, Chain, ...(handle !== undefined && { Handle: handle }) };
  const rule = handle === undefined ? "the policy" : `rule ${handle}`;
  const verb = decisive.passes ? "lets it pass" : decisive.isRejected ? "refuses it" : "drops it";
  const Why = `${rule} of chain ${Chain} in table ${Family} ${Table} ${verb}`;
  return { From, At, Reachable: decisive.passes, Certain, Why, By };
}

function packetTo(
  { port, protocol }: { port: number; protocol: Protocol },
  { address, in: from, out }: { address: string; in: string; out: string },
): Packet {
  const version = familyOf(address);
  return {
    version,
    in: from,
    out,
    source: version === 4 ? STRANGER[4] : STRANGER[6],
    destination: ipBytes(address),
    isForHost: false,
    protocol,
    port,
    connection: "new",
    isTranslated: false,
  };
}

/** Addresses of documentation (RFC 5737, RFC 3849), which no rule names. */
const STRANGER = { 4: ipBytes("203.0.113.77"), 6: ipBytes("2001:db8::77") } as const;

/** What the host's own rules say of somebody outside who wants to reach a port of it. */
export function judgeInput(
  tables: readonly HostTable[],
  { port, protocol }: { port: number; protocol: Protocol },
  { address, outside }: { address: string; outside: string },
): Judgement {
  const packet = packetTo({ port, protocol }, { address, in: outside, out: "" });
  return judge(tables, "input", { ...packet, isForHost: true });
}

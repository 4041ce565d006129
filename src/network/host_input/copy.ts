/**
 * What the host's own rules at the hook input say, as rules for published ports. Pure.
 *
 * A packet for a published port gets another destination before the hook input, which it then never sees. So the chains of that hook
 * are copied, byte for byte, to where the packet still looks as it came: the hook prerouting, after connections are known and
 * before destinations change. There they say what they say of a service of the host. What they let in goes on as it would have;
 * what they drop is dropped. Only packets for published ports are asked about.
 */

import {
  type CopiedRule,
  type CopyTable,
  decodeAttributes,
  drop,
  type HostChain,
  type HostExpression,
  type HostRule,
  type HostTable,
  jump,
  type Rule,
  readText,
  toPorts,
  toThisHost,
} from "../../kernel/net/mod.ts";
import { PROTOCOL_NUMBERS, type PublishedRange } from "../ports/port.ts";
import { nativeRefusal } from "./refusal.ts";

/** Ports of one protocol, side by side. */
export type GuardedPorts = Pick<PublishedRange, "Protocol" | "HostPort" | "Count">;

/** After connections are known (-200) and before destinations are changed (-100). */
const PRIORITY = -150;
/** The chain that the kernel calls; nobody else's is named so. */
const GATE = "fathom-published";

/** The tables to have for these ports; none where nothing filters what is for the host. */
export function copiesOf(
  tables: readonly HostTable[],
  { owner, ports }: { owner: string; ports: readonly GuardedPorts[] },
): CopyTable[] {
  if (ports.length === 0) return [];
  const guarded = tables.flatMap((table) =>
    [...table.chains.values()]
      .filter(({ base }) => base?.hook === "input" && base.type === "filter")
      .map((chain) => ({ table, chain, priority: chain.base?.priority ?? 0 })),
  );
  return guarded
    .sort((a, b) => a.priority - b.priority)
    .map(({ table, chain }, order) => copyOf(table, chain, { owner, ports, order }));
}

function copyOf(
  table: HostTable,
  chain: HostChain,
  { owner, ports, order }: { owner: string; ports: readonly GuardedPorts[]; order: number },
): CopyTable {
  const reached = reachableFrom(table, chain);
  const rules = reached.flatMap((one) => one.rules);
  const lookedUp = new Set(rules.flatMap(({ expressions }) => expressions.flatMap(setNamed)));
  const ask = (verdict: Rule): CopiedRule[] =>
    ports.map((range) => ({ own: [...matchOf(range), ...verdict] }));
  return {
    family: table.family,
    name: `${owner}-input-${order}`,
    chains: [
      ...reached.map(({ name, rules: own }) => ({ name, rules: own.map((rule) => copied(table, rule)) })),
      {
        name: GATE,
        priority: PRIORITY + order,
        // What returns from the copy has met no rule that decides: the policy does.
        rules: [...ask([jump(chain.name)]), ...(chain.base?.drops === true ? ask([drop]) : [])],
      },
    ],
    sets: [...table.sets.values()].filter(({ name }) => lookedUp.has(name)),
  };
}

function matchOf({ Protocol, HostPort, Count }: GuardedPorts): Rule {
  const protocol = { name: Protocol, number: PROTOCOL_NUMBERS[Protocol] };
  return [toThisHost, toPorts(protocol, HostPort, HostPort + Count - 1)];
}

/** A chain with all that it may jump to, by a verdict or a map of them. */
function reachableFrom(table: HostTable, chain: HostChain): HostChain[] {
  const found = new Set([chain]);
  for (const one of found)
    for (const name of one.rules.flatMap((rule) => jumpsOf(table, rule))) {
      const next = table.chains.get(name);
      if (next !== undefined) found.add(next);
    }
  return [...found];
}

function jumpsOf({ sets }: HostTable, { expressions }: HostRule): string[] {
  return expressions.flatMap((expression) => {
    const direct = expression.name === "immediate" ? [decodeAttributes(expression.data).get(2)] : [];
    const mapped = setNamed(expression).flatMap(
      (name) => sets.get(name)?.elements.map(({ data }) => data) ?? [],
    );
    return [...direct, ...mapped].flatMap((data) => chainIn(data));
  });
}

/** NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN. */
function chainIn(data: Uint8Array | undefined): string[] {
  const verdict = data && decodeAttributes(data).get(2);
  const name = verdict && readText(decodeAttributes(verdict).get(2));
  return name ? [name] : [];
}

/** Of `lookup` and `dynset`, whose first attribute names a set. */
function setNamed({ name, data }: HostExpression): string[] {
  return name === "lookup" || name === "dynset" ? [readText(decodeAttributes(data).get(1))] : [];
}

/** Named counters and quotas are left out: they are the original's, and count what goes there. */
function copied({ family }: HostTable, { expressions }: HostRule): CopiedRule {
  return {
    copied: expressions
      .filter(({ name }) => name !== "objref")
      .map((expression) => nativeRefusal(family, expression) ?? expression),
  };
}

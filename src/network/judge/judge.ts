/**
 * What the rules of a host would do with a packet. Pure: the rules as they are, a packet that was made up, and the answer with
 * the rule that gave it.
 *
 * In nftables an accept ends one chain of a hook only, and a drop in any of them is final (nft(8), "Verdict statement"): all
 * chains of the hook are asked.
 */

import type { Hook, HostChain, HostRule, HostTable } from "../../kernel/net/mod.ts";
import { runExpression } from "./expressions.ts";
import type { Verdict } from "./outcome.ts";
import type { Packet } from "./packet.ts";
import { openRegisters } from "./registers.ts";

/** Where a verdict was given. */
export interface Place {
  kept: HostTable["kept"];
  family: HostTable["family"];
  table: string;
  chain: string;
  /** Of the rule; undefined where the chain's policy decided. */
  handle?: number;
}

export interface Judgement {
  passes: boolean;
  /** Whether the sender is told. */
  isRejected: boolean;
  /** The rule that stops it, or the last that lets it pass; undefined where no chain is there to ask. */
  by: Place | undefined;
  /** False where a rule on the way could not be judged, and might have said otherwise. */
  isCertain: boolean;
}

type Base = { table: HostTable; chain: HostChain; priority: number };

/** What becomes of a packet at a hook. */
export function judge(tables: readonly HostTable[], hook: Hook, packet: Packet): Judgement {
  let last: Judgement = { passes: true, isRejected: false, by: undefined, isCertain: true };
  for (const { table, chain } of basesOf(tables, hook, packet)) {
    const found = judgeChain(table, chain, packet);
    const isCertain = last.isCertain && found.isCertain;
    if (!found.passes) return { ...found, isCertain };
    last = { ...found, isCertain };
  }
  return last;
}

/** The chains of a hook that filter this packet, in the order in which the kernel calls them. */
export function basesOf(
  tables: readonly HostTable[],
  hook: Hook,
  { version }: Pick<Packet, "version">,
): Base[] {
  const family = version === 4 ? "ip" : "ip6";
  return tables
    .filter((table) => table.family === "inet" || table.family === family)
    .flatMap((table) =>
      [...table.chains.values()].flatMap((chain) =>
        chain.base?.hook === hook && chain.base.type === "filter"
          ? [{ table, chain, priority: chain.base.priority }]
          : [],
      ),
    )
    .sort((a, b) => a.priority - b.priority);
}

/** The kernel's bound on jumps within jumps: NFT_JUMP_STACK_SIZE. */
const DEEPEST = 16;

interface Walk {
  table: HostTable;
  packet: Packet;
  isCertain: boolean;
  depth: number;
}

/** What one base chain, with those it jumps to, does with a packet. */
export function judgeChain(table: HostTable, chain: HostChain, packet: Packet): Judgement {
  const walk: Walk = { table, packet, isCertain: true, depth: 0 };
  const found = walkChain(walk, chain);
  const place = { kept: table.kept, family: table.family, table: table.name };
  const drops = chain.base?.drops === true;
  if (found === undefined)
    return {
      passes: !drops,
      isRejected: false,
      by: { ...place, chain: chain.name },
      isCertain: walk.isCertain,
    };
  return {
    passes: found.verdict === "accept",
    isRejected: found.verdict === "reject",
    by: { ...place, chain: found.chain, handle: found.handle },
    isCertain: walk.isCertain,
  };
}

interface Final {
  verdict: "accept" | "drop" | "reject";
  chain: string;
  handle: number;
}

/** Undefined where the chain ends, or a rule returns from it. */
function walkChain(walk: Walk, chain: HostChain): Final | undefined {
  if (++walk.depth > DEEPEST) return undefined;
  try {
    for (const rule of chain.rules) {
      const verdict = ruleVerdict(walk, rule);
      if (verdict === undefined) continue;
      if (verdict.kind === "return") return undefined;
      if (verdict.kind !== "jump" && verdict.kind !== "goto")
        return { verdict: verdict.kind, chain: chain.name, handle: rule.handle };
      const next = walk.table.chains.get(verdict.chain);
      const found = next && walkChain(walk, next);
      if (found !== undefined || verdict.kind === "goto") return found;
    }
    return undefined;
  } finally {
    walk.depth--;
  }
}

/** A verdict of which it is not known whether it is reached is passed over, and the answer is not certain any more. */
function ruleVerdict(walk: Walk, { expressions }: HostRule): Verdict | undefined {
  const step = { packet: walk.packet, table: walk.table, registers: openRegisters() };
  let isCertain = true;
  for (const expression of expressions) {
    const outcome = runExpression(expression, step);
    if (outcome === "no") return undefined;
    if (outcome === "next") continue;
    if (outcome !== "unknown" && isCertain) return outcome;
    isCertain = false;
    // A target may say anything; a match that is not known matters where a verdict follows.
    if (outcome !== "unknown" || expression.name === "target") walk.isCertain = false;
  }
  return undefined;
}

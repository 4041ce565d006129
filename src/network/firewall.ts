/**
 * The rules of an engine's networks, as one table that follows from them: pure, and replaced whole whenever they change.
 *
 * Each concern has a file with the rules of one bridge: isolation.ts, masquerade.ts, ports/rules.ts. Here they are put together.
 */

import type { NftMap, Table } from "../kernel/net/mod.ts";
import { type IsolatedBridge, isolationRules } from "./isolation.ts";
import { type MasqueradedBridge, masqueradeRules } from "./masquerade.ts";
import { admissionRules, answerRules, type PublishingBridge, publishingChains } from "./ports/rules.ts";

/** A bridge as the rules see it. */
export interface FilteredBridge extends IsolatedBridge, MasqueradedBridge, PublishingBridge {}

/** Priorities of linux/netfilter_ipv4.h: filter and srcnat. */
const PRIORITY = { filter: 0, sourceNat: 100 } as const;

/** The whole table of an engine; `maps`: what is published (ports/maps.ts). */
export function firewallTable(
  name: string,
  bridges: readonly FilteredBridge[],
  maps: readonly NftMap[],
): Table {
  return {
    name,
    maps,
    chains: [
      ...publishingChains(bridges),
      {
        name: "postrouting",
        type: "nat",
        hook: "postrouting",
        priority: PRIORITY.sourceNat,
        rules: [...bridges.flatMap(answerRules), ...bridges.flatMap(masqueradeRules)],
      },
      {
        name: "forward",
        type: "filter",
        hook: "forward",
        priority: PRIORITY.filter,
        rules: [...bridges.flatMap(admissionRules), ...bridges.flatMap(isolationRules)],
      },
    ],
  };
}

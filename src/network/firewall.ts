/**
 * The rules of an engine's networks, as one table that follows from them: pure, and replaced whole whenever they change.
 *
 * Each concern has a file with the rules of one bridge: isolation.ts, masquerade.ts. Here they are put together.
 */

import type { Table } from "../kernel/net/mod.ts";
import { type IsolatedBridge, isolationRules } from "./isolation.ts";
import { type MasqueradedBridge, masqueradeRules } from "./masquerade.ts";

/** A bridge as the rules see it. */
export interface FilteredBridge extends IsolatedBridge, MasqueradedBridge {}

/** Priorities of linux/netfilter_ipv4.h: filter and srcnat. */
const PRIORITY = { filter: 0, sourceNat: 100 } as const;

/** The whole table of an engine. */
export function firewallTable(name: string, bridges: readonly FilteredBridge[]): Table {
  return {
    name,
    chains: [
      {
        name: "postrouting",
        type: "nat",
        hook: "postrouting",
        priority: PRIORITY.sourceNat,
        rules: bridges.flatMap(masqueradeRules),
      },
      {
        name: "forward",
        type: "filter",
        hook: "forward",
        priority: PRIORITY.filter,
        rules: bridges.flatMap(isolationRules),
      },
    ],
  };
}

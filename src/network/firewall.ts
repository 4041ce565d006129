/**
 * The rules of an engine's networks, as one table that follows from them: pure, and replaced whole whenever they change.
 *
 * What they say of a bridge: containers on it reach each other, or not; they reach the outside under the host's address; what
 * comes from elsewhere, another bridge included, reaches them only in answer.
 */

import {
  accept,
  counter,
  drop,
  established,
  iifname,
  masquerade,
  notOifname,
  oifname,
  type Rule,
  sourceNetwork,
  type Table,
} from "../kernel/net/mod.ts";
import { addressText, type Network } from "./ipv4.ts";

/** A bridge as the rules see it. */
export interface FilteredBridge {
  link: string;
  network: Network;
  betweenContainers: boolean;
  masquerade: boolean;
}

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
        rules: bridges.flatMap(forwardRules),
      },
    ],
  };
}

function masqueradeRules({ link, network, masquerade: wanted }: FilteredBridge): Rule[] {
  if (!wanted) return [];
  const bytes = Uint8Array.from(addressText(network.base).split(".").map(Number));
  return [[sourceNetwork(bytes, network.prefix), notOifname(link), counter, masquerade]];
}

function forwardRules({ link, betweenContainers }: FilteredBridge): Rule[] {
  return [
    [iifname(link), oifname(link), ...(betweenContainers ? [accept] : [counter, drop])],
    [oifname(link), established, accept],
    [oifname(link), counter, drop],
  ];
}

/**
 * The rules that lead published ports to containers; which port leads where stands in maps (maps.ts). Pure.
 *
 * A packet for an address of this host, from outside, a container or the host itself, goes where the maps say. One from the host by
 * 127.0.0.1 leaves by the bridge, which the kernel lets pass once `route_localnet` is set on it; then it also takes what comes in
 * by the bridge for 127.0.0.1, and programs of the host that listen there trust who can reach them (CVE-2020-8558). Such packets
 * are dropped before anything else sees them.
 */

import {
  accept,
  type Chain,
  counter,
  dnatBy,
  drop,
  fromLoopback,
  iifname,
  jump,
  leave,
  masquerade,
  oifname,
  type Rule,
  redirectBy,
  sourceNetwork,
  toLoopback,
  toThisHost,
  wasSentOn,
} from "../../kernel/net/mod.ts";
import type { Subnet } from "../../std/ip.ts";
import { FORWARDED, LOOKUPS } from "./maps.ts";

/** What the rules have to know of a bridge. */
export interface PublishingBridge {
  link: string;
  /** The networks of its containers' addresses. */
  subnets: readonly Subnet[];
}

/** Priorities of linux/netfilter_ipv4.h: raw and dstnat. */
const PRIORITY = { raw: -300, destinationNat: -100 } as const;

/** The chains in which packets get another destination. */
export function publishingChains(bridges: readonly PublishingBridge[]): Chain[] {
  const nat = { type: "nat", priority: PRIORITY.destinationNat } as const;
  const looked: Rule = [toThisHost, jump("published")];
  return [
    {
      name: "martians",
      type: "filter",
      hook: "prerouting",
      priority: PRIORITY.raw,
      rules: bridges.flatMap(({ link }) => [
        [iifname(link), toLoopback, counter, drop],
        [iifname(link), fromLoopback, counter, drop],
      ]),
    },
    {
      name: "published",
      rules: [...FORWARD, ...LOOKUPS.map(({ family, map, ...shape }) => [dnatBy(family, map, shape)])],
    },
    // From outside nobody reaches what is published at 127.0.0.1.
    { name: "prerouting", hook: "prerouting", ...nat, rules: [[toLoopback, leave], looked] },
    { name: "output", hook: "output", ...nat, rules: [looked] },
  ];
}

const FORWARD: readonly Rule[] = [
  [redirectBy(6, FORWARDED.single, { address: false })],
  [redirectBy(6, FORWARDED.range, { address: true })],
];

/** Lets in what was sent to a container by its published ports, from wherever. */
export function admissionRules({ link }: PublishingBridge): Rule[] {
  return [[oifname(link), wasSentOn, accept]];
}

/**
 * What would be answered past this host gets its address: from the host by 127.0.0.1, and from containers of the same network, the
 * container itself among them.
 */
export function answerRules({ link, subnets }: PublishingBridge): Rule[] {
  return [
    [oifname(link), fromLoopback, wasSentOn, counter, masquerade],
    ...subnets.map((subnet) => [oifname(link), sourceNetwork(subnet), wasSentOn, counter, masquerade]),
  ];
}

/** The rules for what passes between a network's containers, other networks and the outside. Pure. */

import { accept, counter, drop, established, iifname, oifname, type Rule } from "../kernel/net/mod.ts";

/** What the rules have to know of a bridge. */
export interface IsolatedBridge {
  link: string;
  betweenContainers: boolean;
}

/** Containers reach each other, or not; what comes from elsewhere, another bridge included, reaches them only in answer. */
export function isolationRules({ link, betweenContainers }: IsolatedBridge): Rule[] {
  return [
    [iifname(link), oifname(link), ...(betweenContainers ? [accept] : [counter, drop])],
    [oifname(link), established, accept],
    [oifname(link), counter, drop],
  ];
}

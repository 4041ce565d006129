/** The rules for what passes between a network's containers, other networks and the outside. Pure. */

import { accept, counter, drop, established, iifname, oifname, type Rule } from "../kernel/net/mod.ts";

/** What the rules have to know of a bridge. */
export interface IsolatedBridge {
  link: string;
  betweenContainers: boolean;
  /** Nothing of it goes beyond the host. */
  internal: boolean;
}

/** Containers reach each other, or not; what comes from elsewhere, another bridge included, reaches them only in answer. */
export function isolationRules({ link, betweenContainers, internal }: IsolatedBridge): Rule[] {
  const among: Rule = [iifname(link), oifname(link), ...(betweenContainers ? [accept] : [counter, drop])];
  if (internal) return [among, [iifname(link), counter, drop], [oifname(link), counter, drop]];
  return [among, [oifname(link), established, accept], [oifname(link), counter, drop]];
}

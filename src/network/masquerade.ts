/** The rules that let containers reach the outside under the host's address. Pure. */

import { counter, masquerade, notOifname, type Rule, sourceNetwork } from "../kernel/net/mod.ts";
import type { Subnet } from "../std/ip.ts";

/** What the rules have to know of a bridge. */
export interface MasqueradedBridge {
  link: string;
  /** The networks whose addresses are not known outside. */
  masqueraded: readonly Subnet[];
}

export function masqueradeRules({ link, masqueraded }: MasqueradedBridge): Rule[] {
  return masqueraded.map((subnet) => [sourceNetwork(subnet), notOifname(link), counter, masquerade]);
}

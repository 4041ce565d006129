/** The rules that let containers reach the outside under the host's address. Pure. */

import { counter, masquerade, notOifname, type Rule, sourceNetwork } from "../kernel/net/mod.ts";
import { addressText, type Network } from "./ipv4.ts";

/** What the rules have to know of a bridge. */
export interface MasqueradedBridge {
  link: string;
  network: Network;
  masquerade: boolean;
}

export function masqueradeRules({ link, network, masquerade: wanted }: MasqueradedBridge): Rule[] {
  if (!wanted) return [];
  const bytes = Uint8Array.from(addressText(network.base).split(".").map(Number));
  return [[sourceNetwork(bytes, network.prefix), notOifname(link), counter, masquerade]];
}

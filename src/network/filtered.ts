/** Which bridges the engine's table of rules speaks of, and putting it in place anew when that changes. */

import { droppingForwardChains } from "../kernel/net/mod.ts";
import { messageOf } from "../std/errors.ts";
import { type FilteredBridge, firewallTable } from "./firewall.ts";
import { openRules, type Rules } from "./rules.ts";

export interface FilteredBridges {
  /** Has the table speak of a bridge, in place of what it said of it. Never throws: what went wrong is among the warnings. */
  put(bridge: FilteredBridge): void;
  /** Has the table speak of it no more; without any bridge there is no table. */
  drop(link: string): void;
  /** What a user should know of how this host treats the networks' traffic. */
  warnings(): string[];
  /** Stops watching; the rules stay. */
  close(): void;
}

/**
 * @param table its name
 * @param wanted false where the user keeps rules of their own
 */
export function filteredBridges(
  table: string,
  { wanted, warn }: { wanted: boolean; warn: (sentence: string) => void },
): FilteredBridges {
  const rules = openRules(table, { warn });
  const bridges = new Map<string, FilteredBridge>();
  let warnings: string[] = [];
  const replace = () => {
    warnings = put(rules, table, [...bridges.values()]);
  };
  return {
    put(bridge) {
      bridges.set(bridge.link, bridge);
      if (wanted) replace();
    },
    drop(link) {
      if (!bridges.delete(link) || !wanted) return;
      if (bridges.size === 0) rules.remove();
      else replace();
    },
    warnings: () => warnings,
    close: () => rules.close(),
  };
}

function put(rules: Rules, table: string, bridges: readonly FilteredBridge[]): string[] {
  const named = bridges.map(({ link }) => link).join(", ");
  try {
    rules.put(firewallTable(table, bridges));
    return droppingForwardChains().map(
      ({ table: other, name: chain }) =>
        `WARNING: the chain ${chain} of table ${other} drops what it does not know, and with it what containers on ${named} send and receive; let it pass: ${bridges.map(({ link }) => `nft insert rule ${other} ${chain} iifname "${link}" accept; nft insert rule ${other} ${chain} oifname "${link}" accept`).join("; ")}`,
    );
  } catch (error) {
    return [
      `WARNING: rules for ${named} cannot be set (${messageOf(error)}): containers reach each other and the host, but not the outside; the kernel needs nftables (CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ), or start the engine with --iptables=false and set rules of your own`,
    ];
  }
}

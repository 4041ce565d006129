/** Which bridges the engine's table of rules speaks of, and putting it in place anew when that changes. */

import type { NetlinkSocket, NftMap } from "../kernel/net/mod.ts";
import { messageOf } from "../std/errors.ts";
import { type FilteredBridge, firewallTable } from "./firewall.ts";
import { watchForwarding } from "./forwarding/forwarding.ts";
import type { RunWithInput } from "./forwarding/run.ts";
import { openRules } from "./rules.ts";

export interface FilteredBridges {
  /** Has the table speak of a bridge, in place of what it said of it. Never throws: what went wrong is among the warnings. */
  put(bridge: FilteredBridge): void;
  /** Has the table speak of it no more; without any bridge there is no table. */
  drop(link: string): void;
  /** Puts back at once what somebody took of the table. */
  mend(): void;
  /** What a user should know of how this host treats the networks' traffic. */
  warnings(): string[];
  /** Resolves when other firewalls let the bridges' traffic pass, as far as that can be had. */
  settled(): Promise<void>;
  /** Stops watching; the rules stay. */
  close(): Promise<void>;
}

interface Tools {
  /** False where the user keeps rules of their own. */
  wanted: boolean;
  /** What is published (ports/maps.ts). */
  maps: readonly NftMap[];
  /** Has the host's own rules asked about what is published. */
  guard: () => void;
  host: () => NetlinkSocket;
  run: RunWithInput;
  warn: (sentence: string) => void;
}

/** @param table its name */
export function filteredBridges(
  table: string,
  { wanted, maps, guard, host, run, warn }: Tools,
): FilteredBridges {
  const bridges = new Map<string, FilteredBridge>();
  const forwarding = watchForwarding({ table, host, run, warn });
  const look = () => forwarding.look([...bridges.values()].filter(({ internal }) => !internal).map(wayOf));
  const rules = openRules(table, { warn, changing: () => quietly(guard, warn), changed: look });
  let failure: readonly string[] = [];
  const replace = () => {
    failure = failureOf([...bridges.keys()], () => {
      guard();
      rules.put(firewallTable(table, [...bridges.values()], maps));
    });
    for (const sentence of failure) warn(sentence);
    look();
  };
  return {
    put(bridge) {
      bridges.set(bridge.link, bridge);
      if (wanted) replace();
    },
    drop(link) {
      if (!bridges.delete(link) || !wanted) return;
      if (bridges.size > 0) return replace();
      rules.remove();
      look();
    },
    mend: () => rules.mend(),
    warnings: () => [...failure, ...forwarding.warnings()],
    settled: () => forwarding.settled(),
    close: () => {
      rules.close();
      return forwarding.settled();
    },
  };
}

/** Both families of addresses, as far as the network has them. */
function wayOf({ link, subnets }: FilteredBridge): { link: string; versions: (4 | 6)[] } {
  return {
    link,
    versions: ([4, 6] as const).filter((family) => subnets.some((one) => one.family === family)),
  };
}

function quietly(work: () => void, warn: (sentence: string) => void): void {
  try {
    work();
  } catch (error) {
    warn(`the host's own rules cannot be asked about what is published: ${messageOf(error)}`);
  }
}

function failureOf(links: readonly string[], put: () => void): string[] {
  try {
    put();
    return [];
  } catch (error) {
    return [
      `WARNING: rules for ${links.join(", ")} cannot be set (${messageOf(error)}): containers reach each other and the host, but not the outside; the kernel needs nftables (CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ), or start the engine with --iptables=false and set rules of your own`,
    ];
  }
}

/** Which bridges the engine's rules speak of, and having them put in place anew when that changes. */

import { messageOf } from "../std/errors.ts";
import type { FirewallBackend } from "./backends/backend.ts";
import type { FilteredBridge } from "./firewall.ts";

export interface FilteredBridges {
  /** Has the rules speak of a bridge, in place of what they said of it. Never throws: what went wrong is among the warnings. */
  put(bridge: FilteredBridge): void;
  /** Has the rules speak of it no more; without any bridge there are none. */
  drop(link: string): void;
  /** What a user should know of how this host treats the networks' traffic. */
  warnings(): string[];
  /** Resolves when the rules are in force and other firewalls let the bridges' traffic pass, as far as that can be had. */
  settled(): Promise<void>;
  /** Stops watching; the rules stay. */
  close(): Promise<void>;
}

interface Tools {
  /** False where the user keeps rules of their own. */
  wanted: boolean;
  warn: (sentence: string) => void;
}

export function filteredBridges(firewall: FirewallBackend, { wanted, warn }: Tools): FilteredBridges {
  const bridges = new Map<string, FilteredBridge>();
  let failure: readonly string[] = [];
  let working: Promise<unknown> = Promise.resolve();
  const replace = async (): Promise<void> => {
    const now = [...bridges.values()];
    try {
      await firewall.put(now);
      failure = [];
    } catch (error) {
      failure = [tellFailure(firewall, now, error)];
      for (const sentence of failure) warn(sentence);
    }
  };
  const begin = (): void => {
    working = Promise.all([working, replace()]);
  };
  const settled = async (): Promise<void> => {
    await working;
    await firewall.settled();
  };
  return {
    put(bridge) {
      bridges.set(bridge.link, bridge);
      if (wanted) begin();
    },
    drop(link) {
      if (bridges.delete(link) && wanted) begin();
    },
    warnings: () => [...failure, ...firewall.warnings()],
    settled,
    async close() {
      firewall.close();
      await settled();
      // What was begun before may have begun to watch.
      firewall.close();
    },
  };
}

function tellFailure({ needs }: FirewallBackend, bridges: readonly FilteredBridge[], error: unknown): string {
  if (bridges.length === 0) return `WARNING: the engine's rules cannot be taken away: ${messageOf(error)}`;
  const links = bridges.map(({ link }) => link).join(", ");
  return `WARNING: rules for ${links} cannot be set (${messageOf(error)}): containers reach each other and the host, but not the outside; ${needs}, or start the engine with --iptables=false and set rules of your own`;
}

/** Which backend keeps an engine's rules: the one that was asked for, else nftables, and iptables where nftables cannot be had. */

import { readRuleSet } from "../../kernel/net/mod.ts";
import { messageOf } from "../../std/errors.ts";
import type { BackendName, BackendTools, FirewallBackend } from "./backend.ts";
import { openIptables } from "./iptables.ts";
import { lacksNftables } from "./lack.ts";
import { openNftables } from "./nftables.ts";

/** @param asked undefined for whichever can be had */
export function openFirewall(asked: BackendName | undefined, tools: BackendTools): FirewallBackend {
  if (asked === "iptables") return openIptables(tools, { nftables: true });
  const nftables = openNftables(tools);
  if (asked === "nftables") return nftables;
  return withFallback(nftables, {
    open: () => openIptables(tools, { nftables: false }),
    probe: readRuleSet,
    warn: tools.warn,
  });
}

interface Fallback {
  /** Opens what takes the place of the first. */
  open: () => FirewallBackend;
  /** Throws what using the first would throw where the kernel has nothing of it. */
  probe: () => unknown;
  warn: (sentence: string) => void;
}

/** A backend that gives way to another when it turns out that the kernel lacks what it needs. Exported for its test. */
export function withFallback(first: FirewallBackend, { open, probe, warn }: Fallback): FirewallBackend {
  let current = first;
  let isProbed = false;
  /** Whether there is another to go on with. */
  const giveWay = (error: unknown): boolean => {
    if (current !== first || !lacksNftables(error)) return false;
    warn(`nftables cannot be had on this host (${messageOf(error)}): rules are kept by iptables`);
    first.close();
    current = open();
    return true;
  };
  const look = (): void => {
    if (isProbed || current !== first) return;
    isProbed = true;
    try {
      probe();
    } catch (error) {
      if (!giveWay(error)) warn(`the host's rules cannot be read: ${messageOf(error)}`);
    }
  };
  return {
    get name() {
      look();
      return current.name;
    },
    get needs() {
      return current.needs;
    },
    async put(bridges) {
      try {
        await current.put(bridges);
      } catch (error) {
        if (!giveWay(error)) throw error;
        await current.put(bridges);
      }
    },
    publish: (sandbox) => current.publish(sandbox),
    retract: (sandbox) => current.retract(sandbox),
    warnings: () => current.warnings(),
    settled: () => current.settled(),
    close: () => current.close(),
  };
}

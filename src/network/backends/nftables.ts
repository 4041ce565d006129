/** Rules by nftables: one table of the engine's own, spoken to by netlink; no program of the host is needed. */

import { changeMaps } from "../../kernel/net/mod.ts";
import { messageOf } from "../../std/errors.ts";
import { type FilteredBridge, firewallTable } from "../firewall.ts";
import { watchForwarding } from "../forwarding/forwarding.ts";
import { openHostInput } from "../host_input/host_input.ts";
import { changesOf, type Entry, entriesOf, type ForwarderPorts } from "../ports/maps.ts";
import { rangesText } from "../ports/port.ts";
import { exitOf, portMaps } from "../ports/state.ts";
import type { SandboxRecord } from "../records.ts";
import { openRules } from "../rules.ts";
import type { BackendTools, FirewallBackend } from "./backend.ts";
import { removeFormerIptables } from "./former.ts";

export function openNftables(tools: BackendTools): FirewallBackend {
  const { table, published, respectHostFirewall: respected, host, run, warn } = tools;
  let bridges: readonly FilteredBridge[] = [];
  let former: Promise<void> | undefined;
  const maps = portMaps(published);
  const hostInput = openHostInput(table, { respected, warn });
  const guard = (but?: SandboxRecord): void => {
    const others = [...published.store.sandboxes.values()].filter((one) => one !== but);
    hostInput.guard(others.flatMap(({ Ports = [] }) => Ports));
  };
  const forwarding = watchForwarding({ table, host, run, warn });
  const look = () => forwarding.look(bridges.filter(({ internal }) => !internal).map(wayOf));
  const changing = () => quietly(guard, (why) => warn(`${UNASKED}: ${why}`));
  const rules = openRules(table, { warn, changing, changed: look });
  const told = (why: string) => warn(`published ports: ${why}`);

  return {
    name: "nftables",
    needs: "the kernel needs nftables (CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ)",
    async put(now) {
      bridges = now;
      if (now.length === 0) rules.remove();
      else {
        guard();
        rules.put(firewallTable(table, now, maps));
        former ??= removeFormerIptables(tools);
      }
      look();
    },
    async publish(sandbox) {
      const entries = entriesFor(published, sandbox);
      guard();
      try {
        changeMaps(table, changesOf(entries, "add"), `publish ${rangesText(sandbox.Ports)}`);
      } catch (error) {
        // Somebody has flushed all rules this very moment. What is put back has these ports too: they are on record.
        if (!isAbsence(error)) throw error;
        rules.mend();
      }
    },
    async retract(sandbox) {
      const entries = entriesFor({ store: published.store, forwarder: WHEREVER }, sandbox);
      const what = `take ${rangesText(sandbox.Ports)} back`;
      const remove = (some: readonly Entry[]) => changeMaps(table, changesOf(some, "remove"), what);
      try {
        remove(entries);
      } catch {
        // Some are missing, as after a flush of the rules, and one that is missing keeps the others.
        for (const entry of entries) quietly(() => remove([entry]), told, isAbsence);
      }
      quietly(() => guard(sandbox), told);
    },
    warnings: () => [...forwarding.warnings(), ...hostInput.warnings()],
    settled: async () => {
      await former;
      await forwarding.settled();
    },
    close: () => rules.close(),
  };
}

const UNASKED = "the host's own rules cannot be asked about what is published";

/** What is removed is found by its key alone: this may be the rest of an engine whose forwarder listened elsewhere. */
const WHEREVER: ForwarderPorts = { tcp: 0, udp: 0 };

function entriesFor({ store, forwarder }: BackendTools["published"], sandbox: SandboxRecord): Entry[] {
  const exit = exitOf(store, sandbox);
  const { Ports: ranges = [] } = sandbox;
  return exit === undefined ? [] : ranges.flatMap((range) => entriesOf(range, exit.target, forwarder));
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What goes wrong here leaves something that harms nobody; it is told. */
function quietly(
  work: () => void,
  tell: (why: string) => void,
  isExpected: (error: unknown) => boolean = () => false,
): void {
  try {
    work();
  } catch (error) {
    if (!isExpected(error)) tell(messageOf(error));
  }
}

/** Both families of addresses, as far as the network has them. */
function wayOf({ link, subnets }: FilteredBridge): { link: string; versions: (4 | 6)[] } {
  return {
    link,
    versions: ([4, 6] as const).filter((family) => subnets.some((one) => one.family === family)),
  };
}

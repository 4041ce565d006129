/**
 * Rules by iptables and ip6tables, for a host without nftables, or one that is to have all its rules in one place.
 *
 * All rules follow from the bridges and the records, and are brought about whole: each table in one transaction. What comes while
 * that is under way is done in one go afterwards. The old tables tell nobody of their changes, and are looked at every second.
 */

import { rm, writeFile } from "node:fs/promises";
import { listLinks, readSysctl, watchRules } from "../../kernel/net/mod.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import type { Family } from "../../std/ip.ts";
import type { FilteredBridge } from "../firewall.ts";
import { exitOf } from "../ports/state.ts";
import type { SandboxRecord } from "../records.ts";
import type { BackendTools, FirewallBackend } from "./backend.ts";
import { removeFormerNftables } from "./former.ts";
import { findPrograms, type IptablesPrograms } from "./iptables_programs.ts";
import { planRestore } from "./iptables_restore.ts";
import { chainPrefix, iptablesRules, type Wanted } from "./iptables_rules.ts";

/** Milliseconds between looks at tables that tell nobody of changes. */
const EVERY = 1000;

/** @param nftables the kernel has it, so that the programs may use it */
export function openIptables(tools: BackendTools, { nftables }: { nftables: boolean }): FirewallBackend {
  const { table, published, mark, run, warn } = tools;
  let bridges: readonly FilteredBridge[] = [];
  const retracted = new WeakSet<SandboxRecord>();
  let finding: Promise<IptablesPrograms> | undefined;
  const programs = (): Promise<IptablesPrograms> => {
    finding ??= findPrograms(run, { nftables }).catch((error: unknown) => {
      finding = undefined;
      throw error;
    });
    return finding;
  };
  const wanted = (): Wanted => ({
    bridges,
    published: bridges.length === 0 ? [] : publications(published, retracted),
    forwarder: published.forwarder,
    others: othersOf(tools, bridges),
  });

  /** Gives whether anything was changed. */
  const bring = async (full: boolean): Promise<boolean> => {
    const { save, restore } = await programs();
    let isChanged = false;
    for (const family of familiesHere()) {
      const rules = iptablesRules(table, family, wanted());
      const plan = { prefix: chainPrefix(table), wanted: rules, full };
      const input = planRestore(await save(family), plan);
      if (input === undefined) continue;
      await restore(family, input);
      isChanged = true;
    }
    return isChanged;
  };
  const inTurn = turns();
  const apply = inTurn(() => bring(true));
  const mend = inTurn(async () => {
    if (await bring(false))
      warn(`somebody had taken rules of the chains ${chainPrefix(table)}… away: they are back`);
  });
  let watch: Disposable | undefined;
  let isTold = false;
  const look = (): void => {
    mend().then(
      () => {
        isTold = false;
      },
      (error) => {
        if (!isTold) warn(`rules of iptables cannot be looked at: ${messageOf(error)}`);
        isTold = true;
      },
    );
  };
  const begin = async (): Promise<void> => {
    if (watch !== undefined) return;
    watch = (await programs()).overNftables ? hearing(look, warn) : polling(look);
  };
  const end = (): void => {
    watch?.[Symbol.dispose]();
    watch = undefined;
  };

  return {
    name: "iptables",
    needs:
      "iptables-restore and ip6tables-restore must work on this host (Debian's package iptables has them)",
    async put(now) {
      if (bridges.length === 0 && now.length > 0) {
        if (nftables) removeFormerNftables(tools);
        await writeFile(mark, "");
      }
      bridges = now;
      if (now.length === 0) end();
      await apply();
      if (bridges.length > 0) await begin();
      else await rm(mark, { force: true });
    },
    async publish(sandbox) {
      if (tools.respectHostFirewall)
        throw new FathomError(
          "unavailable",
          "ports cannot be published with --respect-host-firewall where rules are kept by iptables: asking the host's own rules takes nftables; start the engine without it",
        );
      retracted.delete(sandbox);
      await apply();
    },
    async retract(sandbox) {
      retracted.add(sandbox);
      await apply().catch((error) => warn(`published ports: ${messageOf(error)}`));
    },
    warnings: () => [],
    settled: inTurn(async () => undefined),
    close: end,
  };
}

/** Makes works that are done one after the other; one that is asked for while it waits for its turn is done once. */
function turns(): (work: () => Promise<unknown>) => () => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    let waiting: Promise<void> | undefined;
    return () => {
      const begin = async (): Promise<void> => {
        waiting = undefined;
        await work();
      };
      waiting ??= last.then(begin, begin);
      last = waiting;
      return waiting;
    };
  };
}

function publications(
  { store }: BackendTools["published"],
  but: WeakSet<SandboxRecord>,
): Wanted["published"] {
  return [...store.sandboxes.values()].flatMap((sandbox) => {
    const target = but.has(sandbox) ? undefined : exitOf(store, sandbox)?.target;
    return target === undefined ? [] : (sandbox.Ports ?? []).map((range) => ({ range, target }));
  });
}

function othersOf({ host }: BackendTools, bridges: readonly FilteredBridge[]): string[] {
  return listLinks(host())
    .filter(({ kind, name }) => kind === "bridge" && !bridges.some(({ link }) => link === name))
    .map(({ name }) => name);
}

/** A kernel that was started without IPv6 has no rules for it either. */
function familiesHere(): Family[] {
  return readSysctl("net/ipv6/conf/all/disable_ipv6") === undefined ? [4] : [4, 6];
}

function polling(look: () => void): Disposable {
  const timer = setInterval(look, EVERY);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Milliseconds from a change to the look at what it left. */
const SETTLE = 50;

function hearing(look: () => void, warn: (sentence: string) => void): Disposable {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const heard = (): void => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      look();
    }, SETTLE);
    waiting.unref();
  };
  const watch = watchRules(heard, (why) => warn(`changes of the host's rules are not seen: ${why}`));
  return {
    [Symbol.dispose]() {
      clearTimeout(waiting);
      watch[Symbol.dispose]();
    },
  };
}

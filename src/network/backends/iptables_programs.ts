/** The host's programs for iptables: which of their two kinds it is, and running them. */

import { FathomError } from "../../std/errors.ts";
import type { Family } from "../../std/ip.ts";
import type { RunWithInput } from "../forwarding/run.ts";

export interface IptablesPrograms {
  /** They write to nftables, which tells of changes; the old tables tell nobody. */
  overNftables: boolean;
  /** What iptables-save(8) shows. @throws {FathomError} unavailable */
  save(family: Family): Promise<string>;
  /** Changes what it is told and nothing else. @throws {FathomError} unavailable */
  restore(family: Family, input: string): Promise<void>;
}

const NAMES: Readonly<Record<Family, string>> = { 4: "iptables", 6: "ip6tables" };
/** Seconds to wait for somebody who changes rules as well. */
const PATIENCE = "5";

/**
 * Those that the host's administrator has made its own, and where there is no nftables, those that need none.
 * @throws {FathomError} unavailable, where they are not installed.
 */
export async function findPrograms(
  run: RunWithInput,
  { nftables }: { nftables: boolean },
): Promise<IptablesPrograms> {
  const asked = await must(run, ["iptables-restore", "--version"], "");
  const isOver = asked.includes("nf_tables");
  const kind = isOver && !nftables ? "-legacy" : "";
  return {
    overNftables: isOver && nftables,
    save: (family) => must(run, [`${NAMES[family]}${kind}-save`], ""),
    restore: async (family, input) => {
      await must(run, [`${NAMES[family]}${kind}-restore`, "--noflush", "--wait", PATIENCE], input);
    },
  };
}

async function must(run: RunWithInput, command: readonly string[], input: string): Promise<string> {
  const [program = ""] = command;
  const ended = await run(command, input);
  if (ended === undefined)
    throw new FathomError("unavailable", `${program} is not installed (Debian's package iptables has it)`);
  if (ended.exitCode === 0) return ended.stdout;
  throw new FathomError("unavailable", `${program} says: ${ended.stderr.trim().replaceAll("\n", "; ")}`);
}

/**
 * iptables' old tables in the kernel, beside nftables: they are asked about by their own program, and only where they are in use.
 */

import { readFile } from "node:fs/promises";
import { ifAbsent } from "../../std/absent.ts";
import type { RunWithInput } from "./run.ts";

/** Names of the tables that are in use in this network namespace, one a line. */
const TABLES = "/proc/self/net/ip_tables_names";

/** A sentence for bridges whose traffic the old FORWARD drops by its policy, and which no rule of a user lets pass. */
export async function legacyWarnings(run: RunWithInput, links: readonly string[]): Promise<string[]> {
  const names = await readFile(TABLES, "latin1").catch(ifAbsent(""));
  if (!names.split("\n").includes("filter")) return [];
  const ended = await run(["iptables-legacy", "-S", "FORWARD"], "");
  return ended === undefined ? [] : tellPolicy(ended.stdout, links);
}

function tellPolicy(rules: string, links: readonly string[]): string[] {
  if (!rules.includes("-P FORWARD DROP")) return [];
  const lines = rules.split("\n");
  const closed = links.filter((link) => !lines.includes(`-A FORWARD -i ${link} -j ACCEPT`));
  if (closed.length === 0) return [];
  const commands = closed.map(
    (link) =>
      `iptables-legacy -I FORWARD -i ${link} -j ACCEPT; iptables-legacy -I FORWARD -o ${link} -j ACCEPT`,
  );
  return [
    `WARNING: the policy of FORWARD in iptables' old tables drops what containers on ${closed.join(", ")} send and receive; let it pass: ${commands.join("; ")}`,
  ];
}

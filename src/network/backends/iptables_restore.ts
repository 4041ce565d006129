/** What to tell iptables-restore(8), so that what iptables-save(8) shows becomes what is wanted. Pure. */

import { type Jump, TABLES, type TableRules } from "./iptables_rules.ts";

/** One table as it is, as far as it concerns the engine. */
interface Found {
  /** The engine's chains, with how many rules each has. */
  chains: Map<string, number>;
  /** Others' rules that lead to them. */
  jumps: { line: string; from: string; to: string }[];
}

/**
 * Only chains whose names begin with `prefix`, and the jumps to them, are touched.
 * @param saved what iptables-save shows
 * @returns undefined where all is as it is to be, rules counted; `full` has it brought about in any case.
 */
export function planRestore(
  saved: string,
  { prefix, wanted, full }: { prefix: string; wanted: readonly TableRules[]; full: boolean },
): string | undefined {
  const found = readSaved(saved, prefix);
  const parts = TABLES.flatMap((table) => {
    const there = found.get(table) ?? { chains: new Map(), jumps: [] };
    const asked = wanted.find((one) => one.table === table) ?? { table, chains: [], jumps: [] };
    const isIdle = asked.chains.length === 0 && there.chains.size === 0;
    return isIdle || (!full && isWhole(there, asked)) ? [] : [tableText(there, asked)];
  });
  return parts.length === 0 ? undefined : parts.join("");
}

function readSaved(saved: string, prefix: string): Map<string, Found> {
  const tables = new Map<string, Found>();
  let table: Found = { chains: new Map(), jumps: [] };
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) {
      table = { chains: new Map(), jumps: [] };
      tables.set(line.slice(1), table);
      continue;
    }
    const chain = /^:(\S+)/.exec(line)?.[1];
    if (chain?.startsWith(prefix)) table.chains.set(chain, 0);
    const [, from] = /^-A (\S+)/.exec(line) ?? [];
    const [, to] = / -j (\S+)$/.exec(line) ?? [];
    if (from?.startsWith(prefix)) table.chains.set(from, (table.chains.get(from) ?? 0) + 1);
    else if (from !== undefined && to?.startsWith(prefix)) table.jumps.push({ line, from, to });
  }
  return tables;
}

function isWhole({ chains, jumps }: Found, wanted: TableRules): boolean {
  return (
    chains.size === wanted.chains.length &&
    wanted.chains.every(({ name, rules }) => chains.get(name) === rules.length) &&
    jumps.length === wanted.jumps.length &&
    wanted.jumps.every((jump) => jumps.some((one) => isSame(one, jump)))
  );
}

function isSame(one: Pick<Jump, "from" | "to">, other: Pick<Jump, "from" | "to">): boolean {
  return one.from === other.from && one.to === other.to;
}

/** One transaction. A jump that is there stays where it is: others may have put theirs before or behind it on purpose. */
function tableText({ chains, jumps }: Found, wanted: TableRules): string {
  const stale = [...chains.keys()].filter((chain) => !wanted.chains.some(({ name }) => name === chain));
  const kept = wanted.jumps.filter((jump) => jumps.filter((one) => isSame(one, jump)).length === 1);
  const goes = jumps.filter((one) => !kept.some((jump) => isSame(one, jump)));
  const comes = wanted.jumps.filter((jump) => !kept.includes(jump));
  const lines = [
    `*${wanted.table}`,
    // To name a chain makes it, or empties it.
    ...[...wanted.chains.map(({ name }) => name), ...stale].map((chain) => `:${chain} - [0:0]`),
    ...goes.map(({ line }) => line.replace(/^-A/, "-D")),
    ...wanted.chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${rule}`)),
    ...comes.map(jumpLine),
    ...stale.map((chain) => `-X ${chain}`),
    "COMMIT",
  ];
  return `${lines.join("\n")}\n`;
}

function jumpLine({ from, at, match, to }: Jump): string {
  const place = at === "first" ? `-I ${from} 1` : `-A ${from}`;
  return [place, match, `-j ${to}`].filter((part) => part !== "").join(" ");
}

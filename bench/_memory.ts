/** What a process costs in memory that it shares with nobody. */

import { readFile } from "node:fs/promises";

/** Private dirty kilobytes, proc_pid_smaps(5). */
export async function privateDirty(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
}

export async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text
    .split(" ")
    .filter((part) => part !== "")
    .map(Number);
}

/** Private dirty kilobytes of a daemon and its children, but for those in `without`. */
export async function treeMemory(pid: number, without: ReadonlySet<number> = new Set()): Promise<number> {
  const children = (await childrenOf(pid)).filter((child) => !without.has(child));
  const sizes = await Promise.all([pid, ...children].map(privateDirty));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Programs whose names are near to one that was not found: what somebody may have meant. */

import { readdirSync } from "node:fs";
import { O, openInRoot, owned, SyscallError } from "../kernel/mod.ts";

const MOST = 3;
const MOST_NAMES = 20_000;

/**
 * Names in these directories of the container that differ from `wanted` by a letter or two, the nearest first.
 * @param root the container's root as the host sees it.
 */
export function nearNames(root: string, wanted: string, directories: readonly string[]): string[] {
  const names = new Set(directories.flatMap((directory) => namesIn(root, directory)));
  const allowed = wanted.length < 4 ? 1 : 2;
  const near = [...names].slice(0, MOST_NAMES).flatMap((name) => {
    if (Math.abs(name.length - wanted.length) > allowed)
      return name.startsWith(wanted) && wanted.length > 3 ? [{ name, far: allowed + 1 }] : [];
    const far = distance(name, wanted);
    return far > 0 && far <= allowed ? [{ name, far }] : [];
  });
  return near
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name);
}

function namesIn(root: string, directory: string): string[] {
  try {
    using opened = owned(openInRoot(root, directory, O.RDONLY | O.DIRECTORY));
    return readdirSync(`/proc/self/fd/${opened.fd}`);
  } catch (error) {
    // A PATH may name what is not there.
    if (error instanceof SyscallError) return [];
    throw error;
  }
}

/** Letters to insert, remove, change or swap with the next (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const changed = (last[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const best = Math.min(changed, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      const swaps = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(swaps ? Math.min(best, (before[column - 2] ?? 0) + 1) : best);
    }
    before = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

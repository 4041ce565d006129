/** How much a directory holds. */

import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Bytes of all files and symbolic links below a directory, each counted once whatever its names; directories count nothing,
 * as Docker counts. What vanishes meanwhile is left out.
 */
export async function bytesBelow(directory: string): Promise<number> {
  const seen = new Set<bigint>();
  let total = 0;
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) {
        pending.push(path);
        continue;
      }
      // Gone since it was listed: it takes no room.
      const stat = await lstat(path, { bigint: true }).catch(() => undefined);
      if (stat === undefined || seen.has(stat.ino)) continue;
      if (stat.nlink > 1n) seen.add(stat.ino);
      total += Number(stat.size);
    }
  }
  return total;
}

/**
 * What a control group's memory had come to: its peak, its limit, and how often that limit held it up.
 *
 * Source: Documentation/admin-guide/cgroup-v1/memory.rst, sections 2 and 5.2; cgroup-v2.rst, "Memory Interface Files".
 */

import { readControlFile } from "./control_file.ts";

export interface MemoryUse {
  /** Bytes. */
  peak: number;
  /** Bytes; absent for none. */
  limit?: number;
  /** Times that the group's own limit, and not that of a group above, was reached. */
  hits: number;
}

/** What v1 shows for no limit: the largest number of pages. */
const NO_LIMIT = 2 ** 62;

/** Reads it from the group's directory; undefined where the host does not count memory, or no peak of it (v2 before Linux 5.19). */
export function memoryUse(directory: string, version: 1 | 2): MemoryUse | undefined {
  const read = (file: string): string => readControlFile(`${directory}/${file}`)?.trim() ?? "";
  const v1 = version === 1;
  const peak = read(v1 ? "memory.max_usage_in_bytes" : "memory.peak");
  if (peak === "") return undefined;
  const limit = Number(read(v1 ? "memory.limit_in_bytes" : "memory.max"));
  const hits = v1 ? read("memory.failcnt") : (/^max (\d+)$/m.exec(read("memory.events.local"))?.[1] ?? "0");
  return { peak: Number(peak), ...(limit < NO_LIMIT && { limit }), hits: Number(hits) };
}

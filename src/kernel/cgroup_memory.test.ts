import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryUse } from "./cgroup_memory.ts";

function groupWith(files: Record<string, string>): { directory: string } & Disposable {
  const directory = mkdtempSync("/tmp/fathom-test-memory-");
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

test("version 1: peak, limit and how often the limit was reached", () => {
  using group = groupWith({
    "memory.max_usage_in_bytes": "67108864\n",
    "memory.limit_in_bytes": "67108864\n",
    "memory.failcnt": "12\n",
  });
  expect(memoryUse(group.directory, 1)).toEqual({ peak: 67108864, limit: 67108864, hits: 12 });
});

test("version 1: the largest number of pages is no limit", () => {
  using group = groupWith({
    "memory.max_usage_in_bytes": "4096\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.failcnt": "0\n",
  });
  expect(memoryUse(group.directory, 1)).toEqual({ peak: 4096, hits: 0 });
});

test("version 2: its own limit counts, and not that of a group above", () => {
  using group = groupWith({
    "memory.peak": "8192\n",
    "memory.max": "max\n",
    "memory.events.local": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n",
  });
  expect(memoryUse(group.directory, 2)).toEqual({ peak: 8192, hits: 3 });
});

test("a host that tells no peak tells nothing", () => {
  using group = groupWith({ "memory.max": "max\n" });
  expect(memoryUse(group.directory, 2)).toBeUndefined();
});

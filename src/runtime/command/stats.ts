/**
 * What a control group uses, in the form of runc's `events --stats`. Pure.
 *
 * Source: Documentation/admin-guide/cgroup-v1/{cpuacct,memory,pids}.rst and cgroup-v2.rst.
 */

/** The text of a controller's file; empty where there is none. */
type Read = (controller: string, file: string) => string;

/** Bytes, and nanoseconds. */
export interface GroupUse {
  cpu: { usage: { total: number; percpu?: number[]; kernel: number; user: number }; throttling: Throttling };
  memory: { cache: number; usage: Amount; swap: Amount; raw: Record<string, number> };
  pids: { current: number; limit: number };
}

interface Throttling {
  periods: number;
  throttledPeriods: number;
  throttledTime: number;
}

interface Amount {
  limit: number;
  usage: number;
  max: number;
  failcnt: number;
}

export function groupStats(version: 1 | 2, read: Read): GroupUse {
  const pids = { current: number(read("pids", "pids.current")), limit: number(read("pids", "pids.max")) };
  return version === 1
    ? { cpu: legacyCpu(read), memory: legacyMemory(read), pids }
    : { cpu: cpu(read), memory: memory(read), pids };
}

/** USER_HZ: what cpuacct.stat counts in, as nanoseconds. */
const TICK = 1e9 / 100;

function legacyCpu(read: Read): GroupUse["cpu"] {
  const modes = keyed(read("cpuacct", "cpuacct.stat"));
  const throttled = keyed(read("cpu", "cpu.stat"));
  return {
    usage: {
      total: number(read("cpuacct", "cpuacct.usage")),
      percpu: read("cpuacct", "cpuacct.usage_percpu").trim().split(" ").map(Number),
      kernel: (modes.system ?? 0) * TICK,
      user: (modes.user ?? 0) * TICK,
    },
    throttling: {
      periods: throttled.nr_periods ?? 0,
      throttledPeriods: throttled.nr_throttled ?? 0,
      throttledTime: throttled.throttled_time ?? 0,
    },
  };
}

function legacyMemory(read: Read): GroupUse["memory"] {
  const raw = keyed(read("memory", "memory.stat"));
  const amount = (kind: string): Amount => {
    const file = (name: string) => number(read("memory", `memory.${kind}${name}`));
    const [limit, usage, max] = [file("limit_in_bytes"), file("usage_in_bytes"), file("max_usage_in_bytes")];
    return { limit, usage, max, failcnt: file("failcnt") };
  };
  return { cache: raw.cache ?? 0, usage: amount(""), swap: amount("memsw."), raw };
}

function cpu(read: Read): GroupUse["cpu"] {
  const stat = keyed(read("cpu", "cpu.stat"));
  const micro = (name: string): number => (stat[name] ?? 0) * 1000;
  return {
    usage: { total: micro("usage_usec"), kernel: micro("system_usec"), user: micro("user_usec") },
    throttling: {
      periods: stat.nr_periods ?? 0,
      throttledPeriods: stat.nr_throttled ?? 0,
      throttledTime: micro("throttled_usec"),
    },
  };
}

function memory(read: Read): GroupUse["memory"] {
  const raw = keyed(read("memory", "memory.stat"));
  const hits = keyed(read("memory", "memory.events"));
  const amount = (kind: string, failcnt: number): Amount => {
    const file = (name: string) => number(read("memory", `memory.${kind}${name}`));
    return { limit: file("max"), usage: file("current"), max: file("peak"), failcnt };
  };
  return { cache: raw.file ?? 0, usage: amount("", hits.max ?? 0), swap: amount("swap.", 0), raw };
}

/** What no limit is shown as: 0, as runc does for processes. */
function number(text: string): number {
  const value = Number(text.trim());
  return Number.isNaN(value) ? 0 : value;
}

/** Lines of a name and a number. */
function keyed(text: string): Record<string, number> {
  const lines = text.split("\n").map((line) => line.split(" "));
  return Object.fromEntries(lines.flatMap(([name, value]) => (name && value ? [[name, Number(value)]] : [])));
}

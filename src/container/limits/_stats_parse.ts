/**
 * From the texts of control files to Docker's statistics: pure.
 *
 * Source: Documentation/admin-guide/cgroup-v1/{cpuacct,memory,blkio-controller,pids}.rst, cgroup-v2.rst; proc(5) for the others.
 */

import type { BlkioEntry, BlkioStats, CpuStats, MemoryStats, NetworkStats } from "../../spec/docker_stats.ts";

/** Texts by the names of their files; those that the kernel lacks are absent. */
export type Texts = ReadonlyMap<string, string>;

/** What the files of a container's control group tell. */
export interface GroupStats {
  cpu: CpuStats;
  memory: MemoryStats;
  pids: { current?: number; limit?: number };
  blkio: BlkioStats;
}

/** The files that are read, by their controller, in each version. */
export const FILES: Readonly<Record<1 | 2, Readonly<Record<string, readonly string[]>>>> = {
  1: {
    cpuacct: ["cpuacct.usage", "cpuacct.usage_percpu", "cpuacct.stat"],
    cpu: ["cpu.stat"],
    memory: [
      "memory.usage_in_bytes",
      "memory.max_usage_in_bytes",
      "memory.limit_in_bytes",
      "memory.failcnt",
      "memory.stat",
    ],
    pids: ["pids.current", "pids.max"],
    blkio: ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive"],
  },
  2: {
    cpu: ["cpu.stat"],
    memory: ["memory.current", "memory.max", "memory.stat"],
    pids: ["pids.current", "pids.max"],
    io: ["io.stat"],
  },
};

/** @param host bytes of memory that the host has: no container has more */
export function parseGroup(version: 1 | 2, texts: Texts, host: { memory: number }): GroupStats {
  return version === 1 ? parseLegacy(texts, host) : parseUnified(texts, host);
}

/** USER_HZ, in nanoseconds: what proc(5) and cpuacct.stat count in. */
const TICK = 1e9 / 100;

function parseLegacy(texts: Texts, host: { memory: number }): GroupStats {
  const text = (file: string): string => texts.get(file) ?? "";
  const [modes, throttled] = [keyed(text("cpuacct.stat")), keyed(text("cpu.stat"))];
  const perCpu = text("cpuacct.usage_percpu").trim().split(" ").filter(Boolean).map(Number);
  const failures = Number(text("memory.failcnt"));
  return {
    cpu: {
      cpu_usage: {
        total_usage: Number(text("cpuacct.usage")),
        ...(perCpu.length > 0 && { percpu_usage: perCpu }),
        usage_in_kernelmode: (modes.system ?? 0) * TICK,
        usage_in_usermode: (modes.user ?? 0) * TICK,
      },
      throttling_data: {
        periods: throttled.nr_periods ?? 0,
        throttled_periods: throttled.nr_throttled ?? 0,
        throttled_time: throttled.throttled_time ?? 0,
      },
    },
    memory: {
      usage: Number(text("memory.usage_in_bytes")),
      max_usage: Number(text("memory.max_usage_in_bytes")),
      stats: keyed(text("memory.stat")),
      ...(failures > 0 && { failcnt: failures }),
      limit: bounded(text("memory.limit_in_bytes"), host.memory),
    },
    pids: pidsOf(texts),
    blkio: {
      ...LEGACY_BLKIO,
      io_service_bytes_recursive: legacyBlkio(text("blkio.throttle.io_service_bytes_recursive")),
      io_serviced_recursive: legacyBlkio(text("blkio.throttle.io_serviced_recursive")),
    },
  };
}

function parseUnified(texts: Texts, host: { memory: number }): GroupStats {
  const text = (file: string): string => texts.get(file) ?? "";
  const cpu = keyed(text("cpu.stat"));
  const microseconds = (key: string): number => (cpu[key] ?? 0) * 1000;
  const io = text("io.stat");
  return {
    cpu: {
      cpu_usage: {
        total_usage: microseconds("usage_usec"),
        usage_in_kernelmode: microseconds("system_usec"),
        usage_in_usermode: microseconds("user_usec"),
      },
      throttling_data: {
        periods: cpu.nr_periods ?? 0,
        throttled_periods: cpu.nr_throttled ?? 0,
        throttled_time: microseconds("throttled_usec"),
      },
    },
    memory: {
      usage: Number(text("memory.current")),
      stats: keyed(text("memory.stat")),
      limit: bounded(text("memory.max"), host.memory),
    },
    pids: pidsOf(texts),
    blkio: {
      ...NO_BLKIO,
      io_service_bytes_recursive: unifiedBlkio(io, { read: "rbytes", write: "wbytes" }),
      io_serviced_recursive: unifiedBlkio(io, { read: "rios", write: "wios" }),
    },
  };
}

/** Of a container that does not run. */
export const NO_BLKIO: BlkioStats = {
  io_service_bytes_recursive: null,
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

/** Docker tells empty lists of what CFQ counted, and no kernel counts any more. */
const LEGACY_BLKIO: BlkioStats = {
  io_service_bytes_recursive: [],
  io_serviced_recursive: [],
  io_queue_recursive: [],
  io_service_time_recursive: [],
  io_wait_time_recursive: [],
  io_merged_recursive: [],
  io_time_recursive: [],
  sectors_recursive: [],
};

/** Lines of a key and a number. */
function keyed(text: string): Record<string, number> {
  const pairs = [...text.matchAll(/^(\S+) (\d+)$/gm)];
  return Object.fromEntries(pairs.map(([, key, value]) => [key, Number(value)]));
}

/** A limit that is not above what the host has; none is what the host has, as in Docker. */
function bounded(text: string, most: number): number {
  const limit = Number.parseInt(text, 10);
  return limit > 0 && limit < most ? limit : most;
}

function pidsOf(texts: Texts): GroupStats["pids"] {
  const [current, limit] = ["pids.current", "pids.max"].map((file) =>
    Number.parseInt(texts.get(file) ?? "", 10),
  );
  return {
    ...(current !== undefined && !Number.isNaN(current) && { current }),
    ...(limit !== undefined && !Number.isNaN(limit) && { limit }),
  };
}

/** `8:0 Read 4096`; the last line is the sum of all devices. */
function legacyBlkio(text: string): BlkioEntry[] {
  const lines = [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)];
  return lines.map(([, major, minor, op = "", value]) => ({
    major: Number(major),
    minor: Number(minor),
    op,
    value: Number(value),
  }));
}

/** `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 …`. */
function unifiedBlkio(text: string, keys: { read: string; write: string }): BlkioEntry[] {
  return [...text.matchAll(/^(\d+):(\d+) (.*)$/gm)].flatMap(([, major, minor, rest = ""]) => {
    const values = new Map(rest.split(" ").map((pair) => pair.split("=") as [string, string]));
    return (["read", "write"] as const).map((op) => ({
      major: Number(major),
      minor: Number(minor),
      op,
      value: Number(values.get(keys[op]) ?? 0),
    }));
  });
}

/** /proc/PID/net/dev: two lines of headings, then an interface a line; loopback is not shown. */
export function parseInterfaces(text: string): Record<string, NetworkStats> {
  const lines = [...text.matchAll(/^ *([^:\n]+): *(.*)$/gm)].filter(([, name]) => name !== "lo");
  return Object.fromEntries(
    lines.map(([, name, counters = ""]) => {
      const numbers = counters.trim().split(/\s+/).map(Number);
      const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = numbers;
      const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = numbers.slice(8);
      return [
        name,
        {
          rx_bytes: rxBytes,
          rx_packets: rxPackets,
          rx_errors: rxErrors,
          rx_dropped: rxDropped,
          tx_bytes: txBytes,
          tx_packets: txPackets,
          tx_errors: txErrors,
          tx_dropped: txDropped,
        },
      ];
    }),
  );
}

/** /proc/stat: time of all processors since boot from its first seven columns, as Docker adds it up, and how many there are. */
export function parseSystem(text: string): { usage: number; cpus: number } {
  const columns = /^cpu +(.*)$/m.exec(text)?.[1]?.split(" ").slice(0, 7).map(Number) ?? [];
  return {
    usage: columns.reduce((sum, ticks) => sum + ticks, 0) * TICK,
    cpus: [...text.matchAll(/^cpu\d/gm)].length,
  };
}

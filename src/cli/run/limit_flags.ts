/** Flags of limits that `create`, `run` and `update` have in common. */

import { parseNetworkRate } from "../../std/network_rate.ts";
import type { FlagTable } from "../flags.ts";

export const LIMIT_FLAGS = {
  "blkio-weight": {
    type: "int",
    shows: "uint16",
    help: "Share of block input and output, 10 to 1000, 0 for none",
  },
  "cpu-period": { type: "int", help: "Length of the CPU scheduler's period, in microseconds" },
  "cpu-quota": { type: "int", help: "CPU time in each period, in microseconds" },
  "cpu-rt-period": { type: "int", help: "Length of the real-time scheduler's period, in microseconds" },
  "cpu-rt-runtime": { type: "int", help: "Real-time CPU time in each period, in microseconds" },
  "cpu-shares": { type: "int", short: "c", help: "Relative weight of CPU time" },
  cpus: { type: "decimal", help: "Number of CPUs" },
  "cpuset-cpus": { type: "string", help: "CPUs it may run on: 0-3 or 0,1" },
  "cpuset-mems": { type: "string", help: "Memory nodes it may use: 0-3 or 0,1" },
  memory: { type: "bytes", short: "m", help: "Limit of memory" },
  "network-rate": {
    type: "string",
    help: "How fast it may receive and send: 10mbit, 1MB, down=…,up=…",
    check: (text) => void parseNetworkRate(text),
  },
  "memory-reservation": { type: "bytes", help: "Soft limit of memory" },
  "memory-swap": { type: "bytes", help: "Limit of memory and swap together; -1 for none" },
  "pids-limit": { type: "int", help: "Limit of processes; -1 for none" },
  restart: { type: "string", help: "When to start it again: no, on-failure[:N], always, unless-stopped" },
} as const satisfies FlagTable;

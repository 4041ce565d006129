/** When a process gets a processor: sched_setattr(2), sched(7). */

import { bytes, type Call } from "../../kernel/mod.ts";
import type { Scheduler } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";

/** include/uapi/linux/sched.h. */
const POLICIES: ReadonlyMap<string, number> = new Map([
  ["SCHED_OTHER", 0],
  ["SCHED_FIFO", 1],
  ["SCHED_RR", 2],
  ["SCHED_BATCH", 3],
  ["SCHED_ISO", 4],
  ["SCHED_IDLE", 5],
  ["SCHED_DEADLINE", 6],
]);
const FLAGS: ReadonlyMap<string, bigint> = new Map([
  ["SCHED_FLAG_RESET_ON_FORK", 0x01n],
  ["SCHED_FLAG_RECLAIM", 0x02n],
  ["SCHED_FLAG_DL_OVERRUN", 0x04n],
  ["SCHED_FLAG_KEEP_POLICY", 0x08n],
  ["SCHED_FLAG_KEEP_PARAMS", 0x10n],
  ["SCHED_FLAG_UTIL_CLAMP_MIN", 0x20n],
  ["SCHED_FLAG_UTIL_CLAMP_MAX", 0x40n],
]);

/** struct sched_attr as it first was: offsets of its fields. */
const ATTR = { size: 48, policy: 4, flags: 8, nice: 16, priority: 20, runtime: 24, deadline: 32, period: 40 };

/** @throws {FathomError} invalid, for a policy or flag that is none. */
export function schedulerRow(scheduler: Scheduler): Call {
  const { policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  const attributes = new DataView(new ArrayBuffer(ATTR.size));
  attributes.setUint32(0, ATTR.size, true);
  attributes.setUint32(ATTR.policy, numberOf(POLICIES, policy, "scheduling policy"), true);
  const all = flags.reduce((sum, flag) => sum | numberOf(FLAGS, flag, "scheduling flag"), 0n);
  attributes.setBigUint64(ATTR.flags, all, true);
  attributes.setInt32(ATTR.nice, nice, true);
  attributes.setUint32(ATTR.priority, priority, true);
  attributes.setBigUint64(ATTR.runtime, BigInt(runtime), true);
  attributes.setBigUint64(ATTR.deadline, BigInt(deadline), true);
  attributes.setBigUint64(ATTR.period, BigInt(period), true);
  return {
    call: "sched_setattr",
    args: [0, bytes(new Uint8Array(attributes.buffer), JSON.stringify(scheduler)), 0],
    what: `be scheduled by ${policy}`,
    see: "chrt -p PID",
  };
}

function numberOf<T>(names: ReadonlyMap<string, T>, name: string, what: string): T {
  const value = names.get(name);
  if (value === undefined)
    throw new FathomError("invalid", `unknown ${what} ${name}: it is one of ${[...names.keys()].join(", ")}`);
  return value;
}

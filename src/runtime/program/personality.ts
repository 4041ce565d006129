/** What a process passes on to those it becomes and makes: the kernel it seems to run on, and its share of disks and processors. */

import { type Call, named } from "../../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { schedulerRow } from "./scheduler.ts";

/** linux/personality.h. */
const DOMAINS: ReadonlyMap<string, number> = new Map([
  ["LINUX", 0],
  ["LINUX32", 8],
]);

/** linux/ioprio.h: by number, from 1. */
const CLASSES = ["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];
const CLASS_SHIFT = 13;
const MOST = 7;
const IOPRIO_WHO_PROCESS = 1;

/** Rows for the beginning, while the process may do all. @throws {FathomError} invalid, for a name or number that is none. */
export function inheritedRows(
  { personality }: RuntimeConfig["linux"],
  { ioPriority, scheduler }: Process,
): Call[] {
  return [
    ...(personality ? [personalityRow(personality.domain)] : []),
    ...(ioPriority ? [priorityRow(ioPriority)] : []),
    ...(scheduler ? [schedulerRow(scheduler)] : []),
  ];
}

function personalityRow(domain: string): Call {
  const value = DOMAINS.get(domain);
  if (value === undefined)
    throw new FathomError("invalid", `unknown personality ${domain}: LINUX or LINUX32`);
  const args = [named(value, `PER_${domain}`)];
  return { call: "personality", args, what: `be a process of ${domain}`, see: "cat /proc/PID/personality" };
}

function priorityRow({ class: name, priority = 0 }: NonNullable<Process["ioPriority"]>): Call {
  const number = CLASSES.indexOf(name) + 1;
  if (number === 0 || !Number.isInteger(priority) || priority < 0 || priority > MOST)
    throw new FathomError(
      "invalid",
      `no I/O priority: ${name} ${priority}; it is one of ${CLASSES.join(", ")}, and 0 to 7`,
    );
  const value = number * 2 ** CLASS_SHIFT + priority;
  const who = named(IOPRIO_WHO_PROCESS, "IOPRIO_WHO_PROCESS");
  return {
    call: "ioprio_set",
    args: [who, 0, named(value, `${name}|${priority}`)],
    what: "set the I/O priority",
    see: "ionice -p PID",
  };
}

/** The clocks of a container: runtime-spec config-linux.md, "Offset for Time Namespace"; time_namespaces(7). */

import { type Call, CLONE, flags, named, O, result, text } from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { AT_FDCWD, writeText } from "./rows.ts";

/** The clocks that a time namespace has of its own, by the names of /proc/PID/timens_offsets. */
const CLOCKS = ["monotonic", "boottime"];

/** Whether the clocks are to differ from the host's. */
export function hasClockOffsets({ linux: { timeOffsets = {} } }: RuntimeConfig): boolean {
  return Object.values(timeOffsets).some(({ secs = 0, nanosecs = 0 }) => secs !== 0 || nanosecs !== 0);
}

/**
 * Rows that make a time namespace, set its clocks and enter it; none where they are the host's. A namespace takes offsets until
 * somebody is in it, so the process cannot be born there. To be made while the host's /proc is in place.
 * @throws {FathomError} invalid
 */
export function clockRows(config: RuntimeConfig): Call[] {
  if (!hasClockOffsets(config)) return [];
  const { namespaces, timeOffsets = {} } = config.linux;
  if (!namespaces.some(({ type, path }) => type === "time" && path === undefined))
    throw new FathomError("invalid", "timeOffsets need a new time namespace: the clocks would be the host's");
  const offsets = openRow("/proc/self/timens_offsets", O.WRONLY);
  const made = openRow("/proc/self/ns/time_for_children", O.RDONLY);
  const newTime = flags("CLONE", CLONE, CLONE.NEWTIME);
  return [
    { call: "unshare", args: [newTime], what: "make a time namespace", see: "ls -l /proc/PID/ns" },
    offsets,
    ...Object.entries(timeOffsets).map(([clock, offset]): Call => {
      const line = lineOf(clock, offset);
      return { ...writeText(result(offsets, "timens_offsets"), line, `set the clock ${clock}`) };
    }),
    made,
    { call: "setns", args: [result(made, "time namespace"), newTime], what: "enter the time namespace" },
  ];
}

function lineOf(clock: string, { secs = 0, nanosecs = 0 }: { secs?: number; nanosecs?: number }): string {
  const whole = Number.isSafeInteger(secs) && Number.isInteger(nanosecs);
  if (!CLOCKS.includes(clock) || !whole || nanosecs < 0 || nanosecs >= 1e9)
    throw new FathomError(
      "invalid",
      `timeOffsets cannot have ${clock} with ${secs} s and ${nanosecs} ns: give ${CLOCKS.join(" or ")}, whole seconds, and nanoseconds from 0 to 999999999`,
    );
  return `${clock} ${secs} ${nanosecs}\n`;
}

function openRow(path: string, how: number): Call {
  return {
    call: "openat",
    args: [
      AT_FDCWD,
      text(path),
      named(how | O.CLOEXEC, how === O.WRONLY ? "O_WRONLY|O_CLOEXEC" : "O_CLOEXEC"),
    ],
    what: `open ${path}`,
  };
}

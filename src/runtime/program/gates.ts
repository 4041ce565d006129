/** Where a container's process waits for hooks (runtime-spec config.md, "POSIX-platform Hooks") until it is let pass. */

import { bytes, type Call, named } from "../../kernel/mod.ts";
import type { Gates } from "./context.ts";

/** So many bytes let the process pass: as many as a pipe takes at once, pipe(7), and more than it has descriptors. */
export const PASS_BYTES = 4096;
const CLOSE_RANGE_CLOEXEC = 4;

/**
 * Rows that wait. Who lets go of the other end instead of writing ends the process: the third row, for which the number of bytes is
 * the end of a range, fails for 0 and means nothing else, since no descriptor is as high as its beginning.
 */
export function gateRows(gates: Gates | undefined): Call[] {
  if (gates === undefined) return [];
  const wait: Call = {
    call: "read",
    args: [named(gates.pass, "pipe"), bytes(new Uint8Array(new ArrayBuffer(PASS_BYTES)), "[]"), PASS_BYTES],
    what: "wait for the hooks",
  };
  return [
    {
      call: "write",
      args: [named(gates.arrived, "pipe"), bytes(new Uint8Array([1]), "[1]"), 1],
      what: "tell that hooks may run",
    },
    wait,
    {
      call: "close_range",
      args: [
        PASS_BYTES,
        { kind: "result", of: wait, shown: "bytes read" },
        named(CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"),
      ],
      what: "go on after the hooks",
    },
  ];
}

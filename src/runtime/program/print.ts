/** A program as text. */

import { type Call, describe } from "../../kernel/mod.ts";

/** One row a line, as strace would write it, with what it is for: `fsopen("proc", FSOPEN_CLOEXEC)  # make proc for /proc`. @internal */
export function printProgram(program: readonly Call[]): string {
  return program
    .map((call) => (call.what === undefined ? describe(call) : `${describe(call)}  # ${call.what}`))
    .join("\n");
}

/**
 * A system call as data.
 *
 * The same description is made in this process (`perform` in syscall.ts) or by the first process of a container (`spawn` in
 * spawn.ts), and printed in a receipt. Arguments keep what a person wants to read: text as text, flags by name, structures
 * under a short description, an earlier call's result by where it came from.
 */

import type { Actor, Step } from "../spec/receipt.ts";
import type { SyscallName } from "./arch.ts";
import { type Errno, errnoName } from "./errno.ts";

export interface Call {
  call: SyscallName;
  /** Up to six; the missing are 0. */
  args: readonly Argument[];
  /** Errnos with which it may fail without ending the whole. */
  may?: readonly Errno[] | "any";
  /** What it is for, as an error and a receipt name it: `mount /proc`. */
  what?: string;
  /** A command that shows the same to a person, `PID` standing for the container's process. */
  see?: string;
}

export type Argument =
  | number
  | bigint
  /** A NUL-terminated string. */
  | { kind: "text"; text: string }
  /** A NULL-terminated array of strings: argv, envp. */
  | { kind: "texts"; texts: readonly string[] }
  /** Memory the call reads or writes. */
  | { kind: "bytes"; bytes: Uint8Array; shown: string }
  /** Memory that holds 8-byte addresses of other memory at given offsets (struct sock_fprog, iovec). */
  | {
      kind: "struct";
      bytes: Uint8Array;
      pointers: readonly { offset: number; to: Uint8Array }[];
      shown: string;
    }
  /** A number shown by name. */
  | { kind: "named"; value: number | bigint; shown: string }
  /** The result of an earlier call of the same program: a descriptor it opened. */
  | { kind: "result"; of: Call; shown: string };

export const text = (value: string): Argument => ({ kind: "text", text: value });
export const texts = (values: readonly string[]): Argument => ({ kind: "texts", texts: values });
export const bytes = (value: Uint8Array, shown: string): Argument => ({ kind: "bytes", bytes: value, shown });
export const named = (value: number | bigint, shown: string): Argument => ({ kind: "named", value, shown });
export const result = (of: Call, shown: string): Argument => ({ kind: "result", of, shown });

/** `move_mount(fd 7 (/proc), "", …)` as strace would write it. */
export function describe(call: Call): string {
  return `${call.call}(${call.args.map(showArgument).join(", ")})`;
}

/** The name an error gives a call: what it is for, or itself and its first path. */
export function nameOf(call: Call): string {
  if (call.what !== undefined) return call.what;
  const path = call.args.find((argument) => typeof argument === "object" && argument.kind === "text");
  return path === undefined ? call.call : `${call.call} ${showArgument(path)}`;
}

/** The step a receipt keeps of a call that was made. */
export function stepOf(call: Call, outcome: { at: bigint; by: Actor; result: number; ns?: number }): Step {
  return {
    at: String(outcome.at),
    by: outcome.by,
    call: call.call,
    args: call.args.map(showArgument),
    result: outcome.result,
    ...(outcome.result < 0 && failureOf(call, errnoName(-outcome.result))),
    ...(outcome.ns !== undefined && { ns: outcome.ns }),
    ...(call.what !== undefined && { what: call.what }),
    ...(call.see !== undefined && { see: call.see }),
  };
}

function failureOf({ may }: Call, error: string): Pick<Step, "error" | "allowed"> {
  const allowed = may === "any" || may?.some((name) => name === error) === true;
  return allowed ? { error, allowed } : { error };
}

function showArgument(argument: Argument): string {
  if (typeof argument !== "object") return String(argument);
  switch (argument.kind) {
    case "text":
      return JSON.stringify(argument.text);
    case "texts":
      return JSON.stringify(argument.texts);
    case "bytes":
    case "struct":
    case "named":
    case "result":
      return argument.shown;
  }
}

/** What is told of a process that was born in a PID namespace that exists: the routine of machine code turned this thread's children there and back. */

import { type Call, named, stepOf } from "./call.ts";
import { SyscallError } from "./errno.ts";
import { CLONE, flags } from "./flags.ts";
import { report } from "./receipt.ts";

/** Descriptors of the one to be born in, and of this process's own. */
export interface PidNamespaces {
  enter: number;
  own: number;
}

/** What the two calls gave; 0 where none was made. */
export interface Turned {
  entered: number;
  left: number;
}

/** @throws {SyscallError} when it could not be entered: nothing was made then. */
export function reportEntered(of: PidNamespaces | undefined, at: bigint, { entered }: Turned): void {
  if (of !== undefined)
    tell(of.enter, "make children in the container's PID namespace", { at, result: entered });
}

/** @throws {SyscallError} when it could not be left: this process can have no children any more. */
export function reportLeft(of: PidNamespaces | undefined, at: bigint, { left }: Turned): void {
  if (of !== undefined) tell(of.own, "make children in the own PID namespace again", { at, result: left });
}

function tell(fd: number, what: string, { at, result }: { at: bigint; result: number }): void {
  const call: Call = {
    call: "setns",
    args: [named(fd, "PID namespace"), flags("CLONE", CLONE, CLONE.NEWPID)],
    what,
  };
  report((by) => stepOf(call, { at, by, result, ns: 0 }));
  if (result < 0) throw new SyscallError(what, -result);
}

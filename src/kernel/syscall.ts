/**
 * Makes system calls in this process.
 *
 * `perform` is for effects: it reports a step to the current receipt and throws on failure. `sys` is the bare call for what
 * only reads, waits or moves bytes. Both give the kernel's own answer, and neither allocates a thread or waits in JavaScript:
 * a call that blocks, blocks the process.
 */

import { ptr } from "bun:ffi";
import { addressOf, newArena, refuseNul, textBytes, wordOf } from "./_memory.ts";
import { loadRoutine } from "./_routine.ts";
import { NR, type SyscallName } from "./arch.ts";
import { type Call, nameOf, stepOf } from "./call.ts";
import { ERRNO, type Errno, SyscallError } from "./errno.ts";
import { now, report } from "./receipt.ts";

let routine: ReturnType<typeof loadRoutine> | undefined;

/** The machine code's entries, loaded at first use. For spawn.ts only. */
export function entries(): ReturnType<typeof loadRoutine> {
  routine ??= loadRoutine();
  return routine;
}

/** What `sys` takes: a number, memory, or a string that becomes NUL-terminated memory. */
export type RawArgument = number | bigint | string | Uint8Array | BigInt64Array | BigUint64Array | Int32Array;

/** One system call without a receipt; the result, or -errno. */
export function sys(name: SyscallName, ...args: RawArgument[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  scratchUsed = 0;
  overflow.length = 0;
  return Number(entries().syscall(NR[name], word(a), word(b), word(c), word(d), word(e), word(f)));
}

/**
 * Strings are written one behind the other into memory that lasts, over those of the call before: nothing can run between the
 * writing and the call. One that does not fit gets memory of its own.
 */
const scratch = Buffer.from(new ArrayBuffer(16 * 1024));
const scratchAddress = ptr(scratch);
let scratchUsed = 0;
const overflow: Uint8Array[] = [];
/** The most bytes that a UTF-16 unit takes in UTF-8. */
const WIDEST = 3;

function word(value: RawArgument): number | bigint {
  if (typeof value === "number" || typeof value === "bigint") return value;
  if (typeof value !== "string") return addressOf(value);
  const at = scratchUsed;
  if (at + value.length * WIDEST >= scratch.length) return ownMemory(value);
  refuseNul(value);
  scratchUsed = at + scratch.write(value, at, "utf8");
  scratch[scratchUsed++] = 0;
  return scratchAddress + at;
}

function ownMemory(value: string): number {
  const memory = textBytes(value);
  overflow.push(memory);
  return addressOf(memory);
}

/** The result of `sys`, or an error that says what failed. */
export function check(answer: number, what: string): number {
  if (answer < 0) throw new SyscallError(what, -answer);
  return answer;
}

/**
 * Makes one call with an effect and reports it. Gives the result, or -errno where `may` allows that errno.
 * @throws {SyscallError} on any other failure, named by `what`.
 */
export function perform(call: Call): number {
  const arena = newArena();
  const words = call.args.map((argument) => wordOf(argument, arena, refuseResult));
  const at = now();
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = words;
  const answer = Number(entries().syscall(NR[call.call], a, b, c, d, e, f));
  const ns = Number(now() - at);
  arena.held.length = 0;
  report((by) => stepOf(call, { at, by, result: answer, ns }));
  if (answer < 0 && !allows(call.may, -answer)) throw new SyscallError(nameOf(call), -answer);
  return answer;
}

/** Whether a call may fail with this errno. */
export function allows(may: readonly Errno[] | "any" | undefined, errno: number): boolean {
  return may === "any" || (may?.some((name) => ERRNO[name] === errno) ?? false);
}

function refuseResult(row: Call): never {
  throw new TypeError(`a single call cannot refer to the result of another: ${nameOf(row)}`);
}

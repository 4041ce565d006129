/** A program of a container and its process. */

import { closeFd } from "../kernel/file.ts";
import { exited, reap } from "../kernel/process.ts";
import type { Started } from "../runtime/runtime.ts";
import type { Program } from "./_program.ts";

export interface Launched {
  pid: number;
  startedAt: string;
}

export interface Entry {
  program: Program;
  /** While it runs. */
  process?: { pid: number; pidfd: number } | undefined;
}

/** Docker's status for a process whose end nobody saw. */
const UNKNOWN_STATUS = 255;

/** Waits for a process and takes its status: its own, or 128 + the signal that ended it. */
export async function statusOf(started: Started): Promise<number> {
  return (await endOf(started)).exitCode;
}

/** The same, with the signal: a program may also end by itself with such a status. */
export async function endOf({ pid, pidfd }: Started): Promise<{ exitCode: number; signal?: number }> {
  await exited(pidfd);
  const ending = reap(pid);
  closeFd(pidfd);
  if (ending === undefined) return { exitCode: UNKNOWN_STATUS };
  return "signal" in ending ? { exitCode: 128 + ending.signal, signal: ending.signal } : ending;
}

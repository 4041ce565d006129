/** Limits into control files of a group: what is written instead where a file is missing, and what a refusal means. */

import { dirname } from "node:path/posix";
import { FathomError } from "../std/errors.ts";
import { readControlFile, writeControlFile } from "./control_file.ts";
import { ERRNO, SyscallError } from "./errno.ts";

/** A text for a control file. */
export interface ControlWrite {
  /** By its name: what stands before the first dot is the controller. */
  file: string;
  value: string;
  what: string;
  /** What is written where the kernel lacks the file. */
  otherwise?: ControlWrite;
  /** It takes a limit away: where the kernel lacks the file there is none. */
  lifts?: boolean;
}

/** Writes one limit. @throws {SyscallError | FathomError} unsupported, where the kernel has no such file. */
export function writeLimit(directory: string, { file, value, what, otherwise, lifts }: ControlWrite): void {
  try {
    writeControlFile(`${directory}/${file}`, value, what);
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause;
    if (cause.errno !== ERRNO.ENOENT) throw explained(cause, { directory, file });
    if (otherwise !== undefined) writeLimit(directory, otherwise);
    else if (!lifts)
      throw new FathomError("unsupported", `cannot ${what}: this host's kernel has no ${file}`, { cause });
  }
}

/** What the kernel's bare "busy" and "invalid" mean: more is in use, or the group above gives less. */
function explained(cause: SyscallError, { directory, file }: { directory: string; file: string }): Error {
  if (cause.errno === ERRNO.EBUSY && file === "memory.limit_in_bytes") {
    const used = (readControlFile(`${directory}/memory.usage_in_bytes`) ?? "").trim();
    return new FathomError("conflict", `unable to set the memory limit: ${used} bytes are in use`, { cause });
  }
  if (file !== "cpu.rt_runtime_us" || cause.errno !== ERRNO.EINVAL) return cause;
  const above = `${dirname(directory)}/${file}`;
  const sentence = `cannot grant real-time CPU time: the control group above grants ${(readControlFile(above) ?? "0").trim()} µs; write more into ${above} first`;
  return new FathomError("invalid", sentence, { cause });
}

/** Limits that depend on each other (memory, and memory with swap) are refused in the wrong order: those are tried last. */
export function rewrite(directory: string, writes: readonly ControlWrite[]): void {
  const refused: ControlWrite[] = [];
  for (const write of writes) {
    try {
      writeLimit(directory, write);
    } catch (error) {
      if (!(error instanceof SyscallError) || error.errno !== ERRNO.EINVAL) throw error;
      refused.push(write);
    }
  }
  for (const write of refused) writeLimit(directory, write);
}

/** Locks of whole files, flock(2): they go with the process that holds them, however it ends. */

import { named } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { LOCK } from "./flags.ts";
import { perform } from "./syscall.ts";

/**
 * Takes the lock of an open file for this process alone, until the descriptor is closed; false when another has it. Waits for nobody.
 * @param what names the lock in an error and in the receipt: `lock /run/fathom.pid`.
 * @throws {SyscallError} where the file system has no locks.
 */
export function lockFile(fd: number, what: string): boolean {
  const operation = named(LOCK.EX | LOCK.NB, "LOCK_EX|LOCK_NB");
  return perform({ call: "flock", args: [fd, operation], may: ["EAGAIN"], what }) !== -ERRNO.EAGAIN;
}

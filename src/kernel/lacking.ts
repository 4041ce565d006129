/** What a kernel says of a part that it lacks, in words that lead to the part. */

import { FathomError } from "../std/errors.ts";
import { type ERRNO, SyscallError } from "./errno.ts";

interface Part {
  /** By the name of its module. */
  module: string;
  /** How the kernel refuses what needs it: netlink says EOPNOTSUPP of links and ENOENT of queues, mount(2) ENODEV. */
  refusal: keyof typeof ERRNO;
}

/**
 * Does what needs a part of the kernel that may be a module. The kernel loads it by itself where /sbin/modprobe finds it; what is refused
 * then is not there. @throws {FathomError} unsupported, naming the module; others as they are.
 */
export function needing<T>({ module, refusal }: Part, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof SyscallError) || cause.code !== refusal) throw cause;
    const sentence = `cannot ${cause.what}: this host's kernel has no ${module}: load it (modprobe ${module}), or install the package with its modules`;
    throw new FathomError("unsupported", sentence, { cause });
  }
}

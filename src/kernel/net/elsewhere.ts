/**
 * Being in another network namespace for one synchronous block.
 *
 * A thread that the runtime made while this one is elsewhere would stay there; therefore nothing in a block waits or loads. Apart
 * from namespace.ts so that a shim, which only opens sockets in its container's namespace, loads nothing of netlink.
 */

import { type Call, named } from "../call.ts";
import { owned } from "../file.ts";
import { AT, CLONE, flags, O } from "../flags.ts";
import { check, perform, sys } from "../syscall.ts";

const OWN = "/proc/thread-self/ns/net";

/** Runs `work`, which must be synchronous, in the namespace of a descriptor. @throws {SyscallError} */
export function inNetworkNamespace<T>(fd: number, work: () => T): T {
  return elsewhere(enter(fd, "enter a network namespace"), work);
}

/** A descriptor of the namespace this thread is in. @throws {SyscallError} */
export function openOwnNamespace(): number {
  return check(sys("openat", AT.FDCWD, OWN, O.RDONLY | O.CLOEXEC), "open a network namespace");
}

/** Makes the call that leads elsewhere, does the work there, and comes back. For this folder. */
export function elsewhere<T>(go: Call, work: () => T): T {
  using home = owned(openOwnNamespace());
  perform(go);
  try {
    return work();
  } finally {
    perform(enter(home.fd, "return to the engine's network namespace"));
  }
}

function enter(fd: number, what: string): Call {
  return { call: "setns", args: [named(fd, "network namespace"), flags("CLONE", CLONE, CLONE.NEWNET)], what };
}

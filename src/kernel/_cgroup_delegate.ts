/** Handing a control group of v2 to a user: cgroup-v2.rst, "Delegation". */

import { named, text } from "./call.ts";
import { readControlFile } from "./control_file.ts";
import { AT } from "./flags.ts";
import { perform } from "./syscall.ts";

/** A user and a group of the host. */
export interface Owner {
  uid: number;
  gid: number;
}

/** What the kernel names as safe to hand over where it does not say (before Linux 4.15). */
const COMMON = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

/**
 * Gives the directory to its new owner, so that groups can be made in it, and those files by which processes and controllers are passed
 * down; the limits of the group itself stay the engine's. @throws {SyscallError}
 */
export function delegateGroup(directory: string, owner: Owner): void {
  const known = readControlFile("/sys/kernel/cgroup/delegate")?.split("\n").filter(Boolean);
  giveTo(directory, owner);
  for (const file of known ?? COMMON) giveTo(`${directory}/${file}`, owner);
}

/** A file of a controller that the group does not have is not there. */
function giveTo(path: string, { uid, gid }: Owner): void {
  perform({
    call: "fchownat",
    args: [named(AT.FDCWD, "AT_FDCWD"), text(path), uid, gid, 0],
    may: ["ENOENT"],
    what: "hand over a control group",
    see: `ls -ln ${path}`,
  });
}

/**
 * Namespaces of running processes, and network namespaces that last without a process.
 */

import type { NamespaceType } from "../spec/oci_runtime.ts";
import { ERRNO } from "./errno.ts";
import { AT, CLONE, O } from "./flags.ts";
import { check, sys } from "./syscall.ts";

/** Names in /proc/PID/ns and flags of clone(2), by the OCI name. */
export const NAMESPACE = {
  pid: { file: "pid", flag: CLONE.NEWPID },
  network: { file: "net", flag: CLONE.NEWNET },
  mount: { file: "mnt", flag: CLONE.NEWNS },
  ipc: { file: "ipc", flag: CLONE.NEWIPC },
  uts: { file: "uts", flag: CLONE.NEWUTS },
  user: { file: "user", flag: CLONE.NEWUSER },
  cgroup: { file: "cgroup", flag: CLONE.NEWCGROUP },
  time: { file: "time", flag: CLONE.NEWTIME },
} as const satisfies Record<NamespaceType, { file: string; flag: number }>;

/** A descriptor of a process's namespace, close-on-exec; undefined when the process is gone. @throws {SyscallError} */
export function openNamespace(pid: number, type: NamespaceType): number | undefined {
  const path = `/proc/${pid}/ns/${NAMESPACE[type].file}`;
  const fd = sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC);
  return fd === -ERRNO.ENOENT ? undefined : check(fd, `open ${path}`);
}

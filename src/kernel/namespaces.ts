/**
 * Namespaces of running processes, and network namespaces that last without a process.
 */

import type { NamespaceType } from "../spec/oci_runtime.ts";
import { bytes, type Call, named, result, text } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { closeFd, unlinkAt } from "./file.ts";
import { AT, CLONE, MS, O } from "./flags.ts";
import { unmount } from "./mount.ts";
import { spawn } from "./spawn.ts";
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

/**
 * Makes a network namespace that lasts until it is removed: bound to a file at `path`, which must be free, its loopback up.
 * A process of three rows is born in it and binds it, so that no thread of this process ever leaves its own.
 * @throws {SyscallError}
 */
export function newNetworkNamespace(path: string): void {
  using undo = new DisposableStack();
  const flags = O.CREAT | O.EXCL | O.RDONLY | O.CLOEXEC;
  closeFd(check(sys("openat", AT.FDCWD, path, flags, 0o444), `make ${path}`));
  undo.defer(() => unlinkAt(AT.FDCWD, path));
  const pin: Call = {
    call: "mount",
    args: [text("/proc/self/ns/net"), text(path), 0, named(MS.BIND, "MS_BIND"), 0],
    what: "keep the network namespace",
    see: `nsenter --net=${path} ip address`,
  };
  undo.defer(() => unmount(path, { detach: true }));
  const child = spawn([...loopbackUp(), pin], { namespaces: CLONE.NEWNET, memory: "shared", by: "daemon" });
  closeFd(child.pidfd);
  check(sys("wait4", child.pid, 0, 0, 0), "await the maker of a network namespace");
  undo.move();
}

/** Takes the file away; the namespace ends with its last process. No error where it is gone. @throws {SyscallError} */
export function removeNetworkNamespace(path: string): void {
  unmount(path, { detach: true });
  unlinkAt(AT.FDCWD, path);
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP_RUNNING = 0x41;

/** netdevice(7): struct ifreq is a name of 16 bytes and, here, flags. */
function loopbackUp(): Call[] {
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode("lo"));
  request[16] = IFF_UP_RUNNING;
  const socket: Call = {
    call: "socket",
    args: [named(AF_INET, "AF_INET"), named(SOCK_DGRAM | O.CLOEXEC, "SOCK_DGRAM|SOCK_CLOEXEC"), 0],
    what: "ask about interfaces",
  };
  const up: Call = {
    call: "ioctl",
    args: [
      result(socket, "socket"),
      named(SIOCSIFFLAGS, "SIOCSIFFLAGS"),
      bytes(request, '{ifr_name="lo", ifr_flags=IFF_UP|IFF_RUNNING}'),
    ],
    what: "bring up the loopback interface",
  };
  return [socket, up];
}

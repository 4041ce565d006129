/**
 * Network namespaces: made without a process of their own, kept by a bind mount, entered for one synchronous block.
 *
 * A namespace lives as long as a process, a descriptor or a mount holds it. `keep` mounts it at a path, so that it outlives this
 * process; `letGo` takes the mount away, and the kernel dismantles the namespace and all its links by itself.
 *
 * A thread that the runtime made while this one is elsewhere would stay there; therefore nothing in a block waits or loads.
 */

import type { IdMaps } from "../../spec/oci_runtime.ts";
import { text } from "../call.ts";
import { ERRNO } from "../errno.ts";
import { closeFd, owned } from "../file.ts";
import { AT, CLONE, flags, MNT, MS, O } from "../flags.ts";
import { check, perform, sys } from "../syscall.ts";
import { makeMappedNetworkNamespace } from "../user_namespace.ts";
import { elsewhere, inNetworkNamespace, openOwnNamespace } from "./elsewhere.ts";
import { NETLINK, type NetlinkSocket, openNetlink } from "./netlink.ts";
import { writeSysctl } from "./sysctl.ts";

/** A network namespace by its descriptor, and a socket that speaks to it. */
export interface NetworkNamespace extends Disposable {
  readonly fd: number;
  readonly route: NetlinkSocket;
}

/**
 * Makes a network namespace.
 * @param sysctls written in it: `net/ipv4/ip_forward` to `1`; what this kernel lacks is passed over
 * @param users where it is to belong to a new user namespace: who that one's users are on the host
 * @throws {SyscallError}
 */
export function makeNetworkNamespace(
  sysctls: Readonly<Record<string, string>> = {},
  users?: IdMaps,
): NetworkNamespace {
  if (users !== undefined) return makeMapped(users, sysctls);
  return elsewhere(
    {
      call: "unshare",
      args: [flags("CLONE", CLONE, CLONE.NEWNET)],
      what: "make a network namespace",
      see: "ls -l /proc/PID/ns/net",
    },
    () => {
      const namespace = hold(openOwnNamespace());
      for (const [path, value] of Object.entries(sysctls)) writeSysctl(path, value);
      return namespace;
    },
  );
}

function makeMapped(users: IdMaps, sysctls: Readonly<Record<string, string>>): NetworkNamespace {
  using stack = new DisposableStack();
  const { fd } = stack.use(owned(makeMappedNetworkNamespace(users)));
  const namespace = inNetworkNamespace(fd, () => {
    for (const [path, value] of Object.entries(sysctls)) writeSysctl(path, value);
    return hold(fd);
  });
  stack.move();
  return namespace;
}

/** Opens the namespace that is kept at `path`; undefined where there is none. @throws {SyscallError} */
export function openNetworkNamespace(path: string): NetworkNamespace | undefined {
  const fd = sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC);
  if (fd === -ERRNO.ENOENT) return undefined;
  check(fd, `open the network namespace ${path}`);
  try {
    return inNetworkNamespace(fd, () => hold(fd));
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

function hold(fd: number): NetworkNamespace {
  const route = openNetlink(NETLINK.ROUTE);
  return {
    fd,
    route,
    [Symbol.dispose]: () => {
      route[Symbol.dispose]();
      closeFd(fd);
    },
  };
}

/** Mounts a namespace at `path`, a file that is made for it. @throws {SyscallError} */
export function keepNetworkNamespace(namespace: NetworkNamespace, path: string): void {
  const file = sys("openat", AT.FDCWD, path, O.RDONLY | O.CREAT | O.EXCL | O.CLOEXEC, 0o600);
  closeFd(check(file, `make ${path}`));
  perform({
    call: "mount",
    args: [text(`/proc/self/fd/${namespace.fd}`), text(path), text(""), flags("MS", MS, MS.BIND), 0],
    what: `keep the network namespace at ${path}`,
    see: `findmnt ${path}`,
  });
}

/** Takes mount and file at `path` away; no error where they are gone. @throws {SyscallError} */
export function letGoOfNetworkNamespace(path: string): void {
  perform({
    call: "umount2",
    args: [text(path), flags("MNT", MNT, MNT.DETACH | MNT.NOFOLLOW)],
    may: ["EINVAL", "ENOENT"],
    what: "let go of the network namespace",
  });
  const answer = sys("unlinkat", AT.FDCWD, path, 0);
  if (answer !== -ERRNO.ENOENT) check(answer, `remove ${path}`);
}

/**
 * User namespaces, user_namespaces(7): made with their maps, before anything else that belongs to them.
 *
 * A namespace's maps must be written by somebody outside with power over the users that are mapped. So a process is made in
 * it that does nothing but wait, and ends when this one lets go of a pipe; the namespace lives on by its descriptor.
 */

import type { IdMapping, IdMaps } from "../spec/oci_runtime.ts";
import { bytes, type Call } from "./call.ts";
import { writeControlFile } from "./control_file.ts";
import { closeFd, owned } from "./file.ts";
import { AT, CLONE, O } from "./flags.ts";
import { pipe } from "./ready.ts";
import { spawn } from "./spawn.ts";
import { statFd } from "./stat.ts";
import { check, sys } from "./syscall.ts";

/**
 * Makes a user namespace and gives a descriptor of it, which the receiver closes.
 * @throws {SyscallError} EINVAL for maps that overlap; ENOSPC where the host allows no more namespaces.
 */
export function makeUserNamespace(maps: IdMaps): number {
  return makeWithMaps(maps, 0, "user");
}

/**
 * Makes a network namespace that belongs to a new user namespace, whose root then has power over it, and gives its descriptor,
 * which the receiver closes. It keeps the user namespace, which `ownerOf` finds again.
 * @throws {SyscallError} as `makeUserNamespace`
 */
export function makeMappedNetworkNamespace(maps: IdMaps): number {
  return makeWithMaps(maps, CLONE.NEWNET, "net");
}

/** include/uapi/linux/nsfs.h; ioctl_ns(2). */
const NS_GET_USERNS = 0xb701;

/**
 * A descriptor of the user namespace that the namespace of another descriptor belongs to, which the receiver closes; undefined
 * where that is this process's own.
 * @throws {SyscallError}
 */
export function ownerOf(namespace: number): number | undefined {
  const path = "/proc/self/ns/user";
  using own = owned(check(sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC), `open ${path}`));
  using stack = new DisposableStack();
  const owner = check(sys("ioctl", namespace, NS_GET_USERNS, 0), "find out whom a namespace belongs to");
  stack.defer(() => closeFd(owner));
  if (statFd(owner).ino === statFd(own.fd).ino) return undefined;
  stack.move();
  return owner;
}

function makeWithMaps({ uids, gids }: IdMaps, more: number, file: "user" | "net"): number {
  using stack = new DisposableStack();
  const { read, write } = pipe();
  const lifeline = stack.use(owned(read)).fd;
  stack.use(owned(write));
  const nothing = bytes(new Uint8Array(1), "[]");
  const wait: Call = { call: "read", args: [lifeline, nothing, 1], what: "wait until the maps are written" };
  const child = spawn([wait], {
    namespaces: CLONE.NEWUSER + more,
    memory: "copied",
    by: "container",
    keep: [lifeline],
    meanwhile: true,
  });
  stack.defer(() => {
    sys("kill", child.pid, SIGKILL);
    sys("wait4", child.pid, 0, 0, 0);
    closeFd(child.pidfd);
  });
  writeControlFile(`/proc/${child.pid}/gid_map`, mapText(gids), "map the groups of the user namespace");
  writeControlFile(`/proc/${child.pid}/uid_map`, mapText(uids), "map the users of the user namespace");
  const path = `/proc/${child.pid}/ns/${file}`;
  return check(sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC), `open ${path}`);
}

const SIGKILL = 9;

/** As uid_map has it: first ID inside, first ID outside, how many; a line each. */
function mapText(map: readonly IdMapping[]): string {
  return map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

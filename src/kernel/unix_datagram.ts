/** Unix sockets: datagrams, which the runtime does not have, and streams whose descriptor is needed. */

import { ERRNO, SyscallError } from "./errno.ts";
import { closeFd } from "./file.ts";
import { O } from "./flags.ts";
import { writable } from "./ready.ts";
import { check, sys } from "./syscall.ts";

/** unix(7). */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
/** sun_path, with its NUL. */
const LONGEST_PATH = 108;

/** A non-blocking socket, connected to who listens at `path`. @throws {SyscallError} */
export function connectDatagrams(path: string): number {
  return connect(path, SOCK_DGRAM | O.NONBLOCK);
}

/** A stream socket, connected to who listens at `path`. @throws {SyscallError} */
export function connectStream(path: string): number {
  return connect(path, SOCK_STREAM);
}

function connect(path: string, type: number): number {
  const name = new TextEncoder().encode(path);
  if (name.length >= LONGEST_PATH) throw new SyscallError(`connect to ${path}`, ERRNO.ENAMETOOLONG);
  const address = new Uint8Array(2 + name.length + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const fd = check(sys("socket", AF_UNIX, type | O.CLOEXEC, 0), "make a socket");
  try {
    check(sys("connect", fd, address, address.length), `connect to ${path}`);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Sends one datagram, waiting for room; one that is too long for a datagram is left out. @throws {SyscallError} when the other end is gone. */
export async function sendDatagram(fd: number, data: Uint8Array): Promise<void> {
  for (;;) {
    const count = sys("write", fd, data, data.length);
    if (count === -ERRNO.EMSGSIZE || count >= 0) return;
    if (count === -ERRNO.EAGAIN) await writable(fd);
    else if (count !== -ERRNO.EINTR) check(count, "send a datagram");
  }
}

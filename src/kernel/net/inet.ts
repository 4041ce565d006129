/**
 * Sockets of the internet protocols, by system calls: the runtime's own can neither be opened in another network namespace nor be
 * handed to another image of this process.
 *
 * All are non-blocking and close-on-exec. Sending and receiving has no effect on the kernel that would last, so that nothing here is
 * a step of a receipt but the opening of sockets in another namespace.
 */

import { ERRNO, SyscallError } from "../errno.ts";
import { closeFd } from "../file.ts";
import { O } from "../flags.ts";
import { check, sys } from "../syscall.ts";

/** An address as text, of either family, and a port. */
export interface SocketAddress {
  address: string;
  port: number;
}

const AF = { INET: 2, INET6: 10 } as const;
const SOCK = { STREAM: 1, DGRAM: 2 } as const;
const MSG = { DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;
const BACKLOG = 128;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
/** struct sockaddr_in6; struct sockaddr_in is shorter. */
export const LONGEST_ADDRESS = 28;

export type Transport = "udp" | "tcp";

/** Opens a socket for the family of `address`. @throws {SyscallError} EMFILE, or EAFNOSUPPORT where IPv6 is turned off */
export function openSocket(transport: Transport, address: string): number {
  const family = address.includes(":") ? AF.INET6 : AF.INET;
  const type = (transport === "udp" ? SOCK.DGRAM : SOCK.STREAM) | O.CLOEXEC | O.NONBLOCK;
  return check(sys("socket", family, type, 0), `open a ${transport} socket`);
}

/** A socket that takes what comes to an address of this machine. @throws {SyscallError} EADDRINUSE */
export function openServer(transport: Transport, at: SocketAddress): number {
  const fd = openSocket(transport, at.address);
  try {
    const name = encodeAddress(at);
    check(sys("bind", fd, name, name.length), `bind ${transport} ${at.address}:${at.port}`);
    if (transport === "tcp") check(sys("listen", fd, BACKLOG), `listen at ${at.address}:${at.port}`);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Begins to connect; what comes of it, `connected` tells once the socket can be written. @throws {SyscallError} */
export function startConnect(fd: number, to: SocketAddress): void {
  const name = encodeAddress(to);
  const answer = sys("connect", fd, name, name.length);
  if (answer !== -ERRNO.EINPROGRESS) check(answer, `connect to ${to.address}:${to.port}`);
}

/** Whether nothing has gone wrong on a socket; asking clears it. */
export function connected(fd: number): boolean {
  const error = new Int32Array(new ArrayBuffer(4));
  const length = new Int32Array(new ArrayBuffer(4)).fill(4);
  return sys("getsockopt", fd, SOL_SOCKET, SO_ERROR, error, length) === 0 && error[0] === 0;
}

/** Takes a connection that is waiting; -errno where there is none. */
export function acceptConnection(listener: number): number {
  return sys("accept4", listener, 0, 0, O.CLOEXEC | O.NONBLOCK);
}

/** The number of bytes received, 0 at the end of a stream, or -errno. */
export function receive(fd: number, into: Uint8Array): number {
  return sys("recvfrom", fd, into, into.length, MSG.DONTWAIT, 0, 0);
}

/** The number of bytes sent, or -errno; `name`: to whom, where the socket is not connected. */
export function send(fd: number, data: Uint8Array, name?: Uint8Array): number {
  const flags = MSG.DONTWAIT | MSG.NOSIGNAL;
  return name === undefined
    ? sys("sendto", fd, data, data.length, flags, 0, 0)
    : sys("sendto", fd, data, data.length, flags, name, name.length);
}

/** struct sockaddr_in or sockaddr_in6. @throws {SyscallError} EINVAL, for what is no address */
function encodeAddress({ address, port }: SocketAddress): Uint8Array {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new SyscallError(`use the address ${address}`, ERRNO.EINVAL);
  const isV4 = bytes.length === 4;
  const name = new Uint8Array(new ArrayBuffer(isV4 ? 16 : LONGEST_ADDRESS));
  const view = new DataView(name.buffer);
  view.setUint16(0, isV4 ? AF.INET : AF.INET6, true);
  view.setUint16(2, port);
  name.set(bytes, isV4 ? 4 : 8);
  return name;
}

/** The 4 or 16 bytes of an address; undefined for what is none. RFC 4291, section 2.2; a zone (`%eth0`) is none of it. */
export function addressBytes(text: string): Uint8Array | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) {
    const numbers = v4.slice(1).map(Number);
    return numbers.every((number) => number < 256) ? Uint8Array.from(numbers) : undefined;
  }
  const mixed = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (mixed === null) return v6Bytes(text);
  const [a = 0, b = 0, c = 0, d = 0] = addressBytes(mixed[2] ?? "") ?? [];
  return v6Bytes(`${mixed[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
}

const V6_GROUPS = 8;

function v6Bytes(text: string): Uint8Array | undefined {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0 || !text.includes(":")) return undefined;
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = V6_GROUPS - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...Array<string>(missing).fill("0"), ...after];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(
    groups.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

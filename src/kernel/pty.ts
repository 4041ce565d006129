/**
 * Terminals, and descriptors handed from one process to another.
 *
 * A container's terminal is made inside the container, in its own devpts, by its first process; that process sends the
 * master's descriptor out through a socket (unix(7), SCM_RIGHTS) by rows of its program.
 */

import { FathomError } from "../std/errors.ts";
import { addressOf } from "./_memory.ts";
import { type Call, named } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { closeFd, owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { readable, setNonBlocking } from "./ready.ts";
import { check, perform, sys } from "./syscall.ts";
import { connectStream } from "./unix_datagram.ts";

/** ioctl_tty(2); the same on x86-64 and arm64. */
export const TTY = {
  TIOCSCTTY: 0x540e,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  TIOCGPTN: 0x8004_5430,
  TIOCSPTLCK: 0x4004_5431,
  TIOCGPTPEER: 0x5441,
} as const;

/** Both ends of a terminal, close-on-exec; the master is non-blocking. The receiver closes them. */
export interface Pty {
  master: number;
  slave: number;
  /** `/dev/pts/N` in this process's mount namespace. */
  slavePath: string;
}

/** Makes a terminal. @throws {SyscallError} */
export function openPty(): Pty {
  using stack = new DisposableStack();
  const flags = O.RDWR | O.NOCTTY | O.CLOEXEC;
  const master = check(sys("openat", AT.FDCWD, "/dev/ptmx", flags | O.NONBLOCK), "open /dev/ptmx");
  stack.defer(() => closeFd(master));
  const word = new Int32Array([0]);
  check(sys("ioctl", master, TTY.TIOCSPTLCK, word), "unlock a terminal");
  check(sys("ioctl", master, TTY.TIOCGPTN, word), "read a terminal's number");
  const slave = check(sys("ioctl", master, TTY.TIOCGPTPEER, flags), "open a terminal's other end");
  stack.move();
  return { master, slave, slavePath: `/dev/pts/${word[0] ?? 0}` };
}

/** Tells a terminal its size; its foreground processes get SIGWINCH. Either end's descriptor will do. @throws {SyscallError} */
export function setWindowSize(fd: number, columns: number, rows: number): void {
  perform(windowSize(named(fd, "terminal"), columns, rows));
}

/** The same as a call of a program. */
export function windowSize(fd: Call["args"][number], columns: number, rows: number): Call {
  const size = new Uint16Array([clamp(rows), clamp(columns), 0, 0]);
  const shown = `{ws_row=${size[0]}, ws_col=${size[1]}}`;
  return {
    call: "ioctl",
    args: [
      fd,
      named(TTY.TIOCSWINSZ, "TIOCSWINSZ"),
      { kind: "bytes", bytes: new Uint8Array(size.buffer), shown },
    ],
    what: "set the terminal's size",
    see: "stty size",
  };
}

/** struct winsize holds 16 bits each. */
function clamp(value: number): number {
  return Math.max(0, Math.min(0xffff, Math.trunc(value)));
}

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SOCK = { STREAM: 1, NONBLOCK: O.NONBLOCK, CLOEXEC: O.CLOEXEC } as const;
const MSG = { NOSIGNAL: 0x4000, DONTWAIT: 0x40, CMSG_CLOEXEC: 0x4000_0000, CTRUNC: 8 } as const;

/** Two joined stream sockets, close-on-exec and non-blocking. @throws {SyscallError} */
export function socketPair(): [number, number] {
  const ends = new Int32Array(2);
  check(
    sys("socketpair", AF_UNIX, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0, ends),
    "make a socket pair",
  );
  const [one = -1, other = -1] = ends;
  return [one, other];
}

/**
 * A call that sends the descriptor numbered `fd` in the process that makes it, with one byte of data. A program that does not
 * know the number beforehand gives it one with dup3 first.
 */
export function sendDescriptor(socket: Call["args"][number], fd: number): Call {
  const message = layOut(fd);
  return {
    call: "sendmsg",
    args: [
      socket,
      { kind: "struct", ...message, shown: `{SCM_RIGHTS [${fd}]}` },
      named(MSG.NOSIGNAL, "MSG_NOSIGNAL"),
    ],
    what: "send a descriptor",
  };
}

/** Gives a descriptor to who listens at `path`, as an OCI runtime gives a terminal. @throws {SyscallError} */
export function giveDescriptor(path: string, fd: number): void {
  using socket = owned(connectStream(path));
  perform(sendDescriptor(socket.fd, fd));
}

/** Where the parts of a message stand in its one block of memory: struct msghdr, struct iovec, a byte, struct cmsghdr. */
const AT_IOVEC = 56;
const AT_DATA = 72;
const AT_CONTROL = 80;
/** Header of 16 and one int. With the padding that CMSG_SPACE adds, a sender could slip in a second descriptor. */
const CONTROL_SIZE = 20;
const MESSAGE_SIZE = AT_CONTROL + CONTROL_SIZE;

/** A message of one byte that carries one descriptor; sendmsg(2), cmsg(3). */
function layOut(fd: number): { bytes: Uint8Array; pointers: { offset: number; to: Uint8Array }[] } {
  const block = new Uint8Array(new ArrayBuffer(MESSAGE_SIZE));
  const view = new DataView(block.buffer);
  view.setBigUint64(24, 1n, true); // msg_iovlen
  view.setBigUint64(40, BigInt(CONTROL_SIZE), true); // msg_controllen
  view.setBigUint64(AT_IOVEC + 8, 1n, true); // iov_len
  view.setBigUint64(AT_CONTROL, BigInt(CONTROL_SIZE), true); // cmsg_len
  view.setInt32(AT_CONTROL + 8, SOL_SOCKET, true);
  view.setInt32(AT_CONTROL + 12, SCM_RIGHTS, true);
  view.setInt32(AT_CONTROL + 16, fd, true);
  const pointers = [
    { offset: 16, to: block.subarray(AT_IOVEC) },
    { offset: 32, to: block.subarray(AT_CONTROL) },
    { offset: AT_IOVEC, to: block.subarray(AT_DATA) },
  ];
  return { bytes: block, pointers };
}

/**
 * Waits for a message on a non-blocking socket and gives the descriptor it carries, close-on-exec.
 * @throws {FathomError} unavailable, when the other end closed without sending one.
 */
export async function receiveDescriptor(socket: number): Promise<number> {
  for (;;) {
    const received = receiveNow(socket);
    if (received !== undefined) return received;
    await readable(socket);
  }
}

/** The descriptor of a message that is there already; undefined when none is. */
function receiveNow(socket: number): number | undefined {
  const { bytes, pointers } = layOut(-1);
  const view = new DataView(bytes.buffer);
  for (const { offset, to } of pointers) view.setBigInt64(offset, BigInt(addressOf(to)), true);
  const count = sys("recvmsg", socket, bytes, MSG.DONTWAIT | MSG.CMSG_CLOEXEC);
  if (count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return undefined;
  check(count, "receive a descriptor");
  const carried =
    view.getBigUint64(40, true) >= BigInt(CONTROL_SIZE) &&
    view.getInt32(AT_CONTROL + 12, true) === SCM_RIGHTS;
  if (!carried)
    throw new FathomError("unavailable", "the other end of a socket closed before it sent a descriptor");
  return view.getInt32(AT_CONTROL + 16, true);
}

/** A socket on which an OCI runtime hands over a container's terminal (`--console-socket`). */
export interface ConsoleSocket extends Disposable {
  readonly path: string;
  /** The terminal's master, non-blocking, once the runtime has sent it. */
  receive(): Promise<number>;
}

/** Listens at `path`, which must be free and at most 107 bytes long; disposing closes and removes it. */
export function listenConsoleSocket(path: string): ConsoleSocket {
  using stack = new DisposableStack();
  const type = SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
  const listener = check(sys("socket", AF_UNIX, type, 0), "make a console socket");
  stack.defer(() => closeFd(listener));
  const address = unixAddress(path);
  check(sys("bind", listener, address, address.length), `bind ${path}`);
  stack.defer(() => sys("unlinkat", AT.FDCWD, path, 0));
  check(sys("listen", listener, 1), `listen on ${path}`);
  const held = stack.move();
  return { path, receive: () => receiveFrom(listener), [Symbol.dispose]: () => held.dispose() };
}

async function receiveFrom(listener: number): Promise<number> {
  await readable(listener);
  const flags = SOCK.NONBLOCK | SOCK.CLOEXEC;
  using connection = owned(
    check(sys("accept4", listener, 0, 0, flags), "accept an OCI runtime's connection"),
  );
  const master = await receiveDescriptor(connection.fd);
  setNonBlocking(master, true);
  return master;
}

/** struct sockaddr_un. */
function unixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  if (name.length > 107)
    throw new FathomError("invalid", `a socket's path is longer than 107 bytes: ${path}`);
  const address = new Uint8Array(2 + name.length + 1);
  address[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}

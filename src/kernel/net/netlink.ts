/**
 * Netlink sockets: messages to the kernel, their acknowledgements, and dumps; netlink(7).
 *
 * The kernel works on a message within the call that sends it, so its answer is there when that call returns and nothing here
 * ever waits. A socket speaks to the network namespace it was opened in, wherever its process is later.
 */

import { type Call, named, stepOf } from "../call.ts";
import { ERRNO, SyscallError } from "../errno.ts";
import { closeFd } from "../file.ts";
import { O } from "../flags.ts";
import { now, report } from "../receipt.ts";
import { check, sys } from "../syscall.ts";
import { type Attribute, aligned, encodeAttributes, u32 } from "./attributes.ts";

/** A message's type, its NLM_F_ flags beside REQUEST, the fixed structure it begins with, and its attributes. */
export interface Message {
  type: number;
  flags?: number;
  header: Uint8Array;
  attributes?: readonly Attribute[];
}

/** How a message is told in a receipt and in an error. */
export interface Telling {
  /** What is asked of the kernel, its structures by name: `RTM_NEWLINK {IFLA_IFNAME="fathom0", …}`. */
  shown: string;
  /** What it is for: `make the bridge fathom0`. */
  what: string;
  /** A command that shows the result. */
  see?: string;
}

/** One part of a dump. */
export interface Reply {
  type: number;
  body: Uint8Array;
}

export interface NetlinkSocket extends Disposable {
  /**
   * Sends one message and takes its acknowledgement: one step. Gives 0, or -errno where `may` allows it.
   * @throws {SyscallError} named by `what`.
   */
  request(message: Message, telling: Telling, may?: readonly (keyof typeof ERRNO)[]): number;
  /** Sends several messages as one transaction (nftables' batch): one step. @throws {SyscallError} the first failure. */
  transact(messages: readonly Message[], telling: Telling): void;
  /** The kernel's one answer to a question; undefined where it knows no such thing. @throws {SyscallError} */
  ask(message: Message, what: string): Reply | undefined;
  /**
   * All that the kernel answers a question with; no step, since nothing changes. Nothing, where it refuses with an error of `may`.
   * @throws {SyscallError}
   */
  dump(message: Message, what: string, may?: readonly (keyof typeof ERRNO)[]): Reply[];
}

export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
const MSG_DONTWAIT = 0x40;
const HEADER = 16;
const TYPE = { error: 2, done: 3 } as const;

export const NLM_F = {
  REQUEST: 1,
  ACK: 4,
  DUMP: 0x300,
  EXCL: 0x200,
  CREATE: 0x400,
  REPLACE: 0x100,
  APPEND: 0x800,
} as const;
/** The families of sockets in use. */
export const NETLINK = { ROUTE: 0, SOCK_DIAG: 4, NETFILTER: 12 } as const;

const BUFFER_SIZE = 256 * 1024;
let shared: Uint8Array<ArrayBuffer> | undefined;

/** One buffer serves all: an answer is taken apart before anything else can run. */
function buffer(): Uint8Array<ArrayBuffer> {
  shared ??= new Uint8Array(new ArrayBuffer(BUFFER_SIZE));
  return shared;
}

/** Opens a socket in the network namespace this thread is in. @throws {SyscallError} */
export function openNetlink(family: number): NetlinkSocket {
  const opened = sys("socket", AF_NETLINK, SOCK_RAW | O.CLOEXEC, family);
  const fd = check(opened, "open a netlink socket");
  let sequence = 0;
  return {
    request(message, telling, may = []) {
      sequence++;
      const at = now();
      const sent = send(fd, encodeMessage({ ...message, flags: (message.flags ?? 0) | NLM_F.ACK }, sequence));
      const answer = sent < 0 ? sent : acknowledgements(fd, 1);
      tell(telling, { at, result: answer, may });
      if (answer < 0 && !may.some((name) => ERRNO[name] === -answer))
        throw new SyscallError(telling.what, -answer);
      return answer;
    },
    transact(messages, telling) {
      const first = sequence + 1;
      sequence += messages.length;
      const bytes = Buffer.concat(messages.map((message, index) => encodeMessage(message, first + index)));
      makeRoom(fd, bytes.length);
      const wanted = messages.filter(({ flags = 0 }) => (flags & NLM_F.ACK) !== 0).length;
      const at = now();
      const sent = send(fd, bytes);
      const answer = sent < 0 ? sent : acknowledgements(fd, wanted);
      tell(telling, { at, result: answer, may: [] });
      if (answer < 0) throw new SyscallError(telling.what, -answer);
    },
    ask(message, what) {
      sequence++;
      check(send(fd, encodeMessage(message, sequence)), what);
      return readAnswer(fd, what);
    },
    dump(message, what, may = []) {
      sequence++;
      const flags = (message.flags ?? 0) | NLM_F.DUMP;
      check(send(fd, encodeMessage({ ...message, flags }, sequence)), what);
      return readDump(fd, what, may);
    },
    [Symbol.dispose]: () => closeFd(fd),
  };
}

/** struct nlmsghdr, then the message, padded. Exported for tests. @internal */
export function encodeMessage(message: Message, sequence: number): Uint8Array {
  const attributes = encodeAttributes(message.attributes ?? []);
  const start = HEADER + aligned(message.header.length);
  const length = start + attributes.length;
  const bytes = new Uint8Array(new ArrayBuffer(aligned(length)));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, message.type, true);
  view.setUint16(6, (message.flags ?? 0) | NLM_F.REQUEST, true);
  view.setUint32(8, sequence, true);
  bytes.set(message.header, HEADER);
  bytes.set(attributes, start);
  return bytes;
}

const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
/** The kernel takes a transaction in one piece only, and by default (net.core.wmem_default) one of 208 KiB at the most. */
const USUAL_ROOM = 128 * 1024;

/** Where that is refused, sending tells so. */
function makeRoom(fd: number, length: number): void {
  if (length > USUAL_ROOM) sys("setsockopt", fd, SOL_SOCKET, SO_SNDBUFFORCE, u32(2 * length), 4);
}

function send(fd: number, bytes: Uint8Array): number {
  return sys("sendto", fd, bytes, bytes.length, 0, 0, 0);
}

/** Takes acknowledgements until all came, or none are left; the first failure, else 0. */
function acknowledgements(fd: number, wanted: number): number {
  let failure = 0;
  let seen = 0;
  while (seen < wanted) {
    const received = receive(fd);
    if (typeof received === "number") return failure || received;
    for (const { type, body } of received) {
      if (type !== TYPE.error) continue;
      seen++;
      failure ||= errorOf(body);
    }
    // A transaction that is refused is answered by its failures alone.
    if (failure !== 0) return drain(fd, failure);
  }
  return failure;
}

function drain(fd: number, failure: number): number {
  while (typeof receive(fd) !== "number");
  return failure;
}

/** struct nlmsgerr begins with -errno; 0 acknowledges. */
function errorOf(body: Uint8Array): number {
  return new DataView(body.buffer, body.byteOffset, body.byteLength).getInt32(0, true);
}

const ABSENT: ReadonlySet<number> = new Set([ERRNO.ENODEV, ERRNO.ENOENT]);

function readAnswer(fd: number, what: string): Reply | undefined {
  const received = receive(fd);
  if (typeof received === "number") throw new SyscallError(what, -received);
  const [reply] = received;
  if (reply === undefined) return undefined;
  if (reply.type !== TYPE.error) return { type: reply.type, body: reply.body.slice() };
  const error = errorOf(reply.body);
  if (!ABSENT.has(-error)) check(error, what);
  return undefined;
}

function readDump(fd: number, what: string, may: readonly (keyof typeof ERRNO)[]): Reply[] {
  const replies: Reply[] = [];
  for (;;) {
    const received = receive(fd);
    if (typeof received === "number") throw new SyscallError(what, -received);
    for (const reply of received) {
      // A dump that fails ends with the error in the place of the count.
      const error = reply.type === TYPE.error || reply.type === TYPE.done ? errorOf(reply.body) : 0;
      if (may.some((name) => ERRNO[name] === -error)) return [];
      check(error, what);
      if (reply.type === TYPE.done) return replies;
      // The buffer is used again.
      replies.push({ type: reply.type, body: reply.body.slice() });
    }
  }
}

/** The messages of one datagram, in the shared buffer; or -errno. */
function receive(fd: number): Reply[] | number {
  const memory = buffer();
  const count = sys("recvfrom", fd, memory, memory.length, MSG_DONTWAIT, 0, 0);
  return count < 0 ? count : splitMessages(memory.subarray(0, count));
}

/** The messages that stand one behind the other. Exported for tests. @internal */
export function splitMessages(bytes: Uint8Array): Reply[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const replies: Reply[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) break;
    replies.push({ type: view.getUint16(at + 4, true), body: bytes.subarray(at + HEADER, at + length) });
    at += aligned(length);
  }
  return replies;
}

function tell(
  { shown, what, see }: Telling,
  { at, result, may }: { at: bigint; result: number; may: readonly (keyof typeof ERRNO)[] },
): void {
  const ns = Number(now() - at);
  const call: Call = {
    call: "sendto",
    args: [named(0, "netlink"), named(0, shown)],
    may,
    what,
    ...(see && { see }),
  };
  report((by) => stepOf(call, { at, by, result, ns }));
}

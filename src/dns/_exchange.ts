/**
 * One exchange with one server: a socket of its own, a number that nobody can guess, one reply.
 *
 * The socket is connected, so that the kernel drops what comes from elsewhere and tells when nobody listens there; its port is one
 * that the kernel draws. A reply counts when number and question are those that were sent (RFC 5452); others are passed over.
 */

import { randomFillSync } from "node:crypto";
import { ERRNO } from "../kernel/errno.ts";
import { closeFd } from "../kernel/file.ts";
import { inNetworkNamespace } from "../kernel/net/elsewhere.ts";
import { connected, openSocket, receive, send, startConnect, type Transport } from "../kernel/net/inet.ts";
import type { WatchSet } from "../kernel/watch_set.ts";
import type { NameServer } from "./contract.ts";
import { answersTo, withId } from "./message.ts";

/** A query on its way to servers: its bytes, where its question ends, and how the asker asked. */
export interface Question {
  bytes: Uint8Array;
  end: number;
  transport: Transport;
}

/** Where exchanges take place. */
export interface Place {
  watch: WatchSet;
  /** The container's network namespace. */
  namespace: number;
}

/** What an exchange has come to: the reply, or nothing where the server cannot be asked. */
export type Told = (reply: Uint8Array | undefined) => void;

const LARGEST = 65_535;
const PREFIX = 2;
/** One for all: a reply is taken out before anything else runs. */
let memory: Uint8Array | undefined;

/** Asks a server; `told` is called once, later, unless the exchange is disposed of before. @throws {SyscallError} */
export function exchange(
  { watch, namespace }: Place,
  server: NameServer,
  { question, told }: { question: Question; told: Told },
): Disposable {
  const { transport } = question;
  const open = (): number => openSocket(transport, server.address);
  const fd = server.from === "container" ? inNetworkNamespace(namespace, open) : open();
  using undo = new DisposableStack();
  const close = (): void => {
    watch.forget(fd);
    closeFd(fd);
  };
  undo.defer(close);
  startConnect(fd, server);
  let isOpen = true;
  const end = (): void => {
    if (isOpen) close();
    isOpen = false;
  };
  const finish: Told = (reply) => {
    end();
    told(reply);
  };
  const sent = { id: randomId(), end: question.end };
  const message = withId(question.bytes, sent.id);
  const accepts = (reply: Uint8Array): boolean => answersTo(reply, question.bytes, sent);
  if (transport === "udp") byDatagram({ fd, watch, message, accepts, finish });
  else byStream({ fd, watch, message, accepts, finish });
  undo.move();
  return { [Symbol.dispose]: end };
}

interface Conversation {
  fd: number;
  watch: WatchSet;
  message: Uint8Array;
  accepts: (reply: Uint8Array) => boolean;
  finish: Told;
}

function byDatagram({ fd, watch, message, accepts, finish }: Conversation): void {
  // A datagram that cannot be sent is as good as one that is lost: the reading tells why.
  send(fd, message);
  watch.watch(fd, "read", () => {
    memory ??= new Uint8Array(new ArrayBuffer(LARGEST));
    for (;;) {
      const count = receive(fd, memory);
      if (count === -ERRNO.EAGAIN) return;
      if (count < 0) {
        finish(undefined);
        return;
      }
      const reply = memory.subarray(0, count);
      if (accepts(reply)) {
        finish(reply.slice());
        return;
      }
    }
  });
}

/** A length of two bytes stands before each message: RFC 7766. */
function byStream({ fd, watch, message, accepts, finish }: Conversation): void {
  let rest: Uint8Array = framed(message);
  let reply: Uint8Array = new Uint8Array(0);
  const read = (): void => {
    memory ??= new Uint8Array(new ArrayBuffer(LARGEST));
    const count = receive(fd, memory);
    if (count === -ERRNO.EAGAIN) return;
    if (count <= 0) {
      finish(undefined);
      return;
    }
    reply = Buffer.concat([reply, memory.subarray(0, count)]);
    const length = PREFIX + (((reply[0] ?? 0) << 8) | (reply[1] ?? 0));
    if (reply.length < PREFIX || reply.length < length) return;
    const whole = reply.subarray(PREFIX, length);
    finish(accepts(whole) ? whole : undefined);
  };
  const write = (): void => {
    if (!connected(fd)) {
      finish(undefined);
      return;
    }
    const count = send(fd, rest);
    if (count === -ERRNO.EAGAIN) return;
    if (count < 0) {
      finish(undefined);
      return;
    }
    rest = rest.subarray(count);
    if (rest.length === 0) watch.watch(fd, "read", read);
  };
  watch.watch(fd, "write", write);
}

/** A message as it goes over a stream. */
export function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(PREFIX + message.length));
  bytes[0] = message.length >> 8;
  bytes[1] = message.length & 0xff;
  bytes.set(message, PREFIX);
  return bytes;
}

/** Random numbers are drawn many at a time. */
const pool = new Uint16Array(256);
let drawn = pool.length;

function randomId(): number {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  return pool[drawn++] ?? 0;
}

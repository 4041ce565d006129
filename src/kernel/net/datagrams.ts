/**
 * Many datagrams by one system call: recvmmsg(2) and sendmmsg(2).
 *
 * A batch owns the memory of its datagrams, which is filled anew by each receive. What is answered goes out by `flush`, under the
 * address it came from.
 */

import { ptr } from "bun:ffi";
import { sys } from "../syscall.ts";
import { LONGEST_ADDRESS } from "./inet.ts";

/** struct mmsghdr: struct msghdr (name, its length, iovec, how many, control, its length, flags), then the length received. */
const HEADER = { size: 64, name: 0, nameLength: 8, vector: 16, vectors: 24, flags: 48, length: 56 } as const;
const VECTOR = { size: 16, length: 8 } as const;
const MSG = { DONTWAIT: 0x40, TRUNC: 0x20, NOSIGNAL: 0x4000 } as const;

export class Datagrams {
  readonly #most: number;
  readonly #size: number;
  readonly #answerSize: number;
  readonly #in: Slots;
  readonly #out: Slots;
  #answers = 0;

  /** Room for `most` datagrams of `size` bytes, longer ones are passed over; and for as many answers of `answerSize`. */
  constructor(most: number, { size, answerSize }: { size: number; answerSize: number }) {
    this.#most = most;
    this.#size = size;
    this.#answerSize = answerSize;
    this.#in = slots(most, size);
    this.#out = slots(most, answerSize);
  }

  /** How many were there; -errno, EAGAIN where none was. */
  receive(fd: number): number {
    for (let index = 0; index < this.#most; index++)
      this.#in.view.setUint32(index * HEADER.size + HEADER.nameLength, LONGEST_ADDRESS, true);
    return sys("recvmmsg", fd, this.#in.headers, this.#most, MSG.DONTWAIT, 0);
  }

  /** The datagram at an index; empty for one that was too long. Valid until the next receive. */
  at(index: number): Uint8Array {
    const at = index * HEADER.size;
    const isCut = (this.#in.view.getUint32(at + HEADER.flags, true) & MSG.TRUNC) !== 0;
    const length = isCut ? 0 : this.#in.view.getUint32(at + HEADER.length, true);
    return this.#in.data.subarray(index * this.#size, index * this.#size + length);
  }

  /** From whom it came, for an answer that is sent later. */
  nameAt(index: number): Uint8Array {
    return this.#in.names.slice(index * LONGEST_ADDRESS, index * LONGEST_ADDRESS + this.#nameLength(index));
  }

  /** Answers the datagram at an index, once `flush` is called; `data` is copied, and what is too long is left out. */
  answer(index: number, data: Uint8Array): void {
    if (data.length > this.#answerSize || this.#answers >= this.#most) return;
    const slot = this.#answers++;
    const { view, vectors, names, data: memory } = this.#out;
    const from = index * LONGEST_ADDRESS;
    names.set(this.#in.names.subarray(from, from + LONGEST_ADDRESS), slot * LONGEST_ADDRESS);
    view.setUint32(slot * HEADER.size + HEADER.nameLength, this.#nameLength(index), true);
    memory.set(data, slot * this.#answerSize);
    vectors.setUint32(slot * VECTOR.size + VECTOR.length, data.length, true);
  }

  /** Sends the answers. One that cannot be sent is lost, as a datagram may be. */
  flush(fd: number): void {
    for (let sent = 0; sent < this.#answers; ) {
      const rest = sent === 0 ? this.#out.headers : this.#out.headers.subarray(sent * HEADER.size);
      const count = sys("sendmmsg", fd, rest, this.#answers - sent, MSG.DONTWAIT | MSG.NOSIGNAL);
      // The first of the rest failed: those behind it may yet go.
      sent += count > 0 ? count : 1;
    }
    this.#answers = 0;
  }

  #nameLength(index: number): number {
    return this.#in.view.getUint32(index * HEADER.size + HEADER.nameLength, true);
  }
}

/** Memory for datagrams and their addresses, and the structures that lead the kernel to it. */
interface Slots {
  headers: Uint8Array;
  view: DataView;
  vectors: DataView;
  names: Uint8Array;
  data: Uint8Array;
}

function slots(most: number, size: number): Slots {
  const memory = (bytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(bytes));
  const [headers, names, data] = [
    memory(HEADER.size * most),
    memory(LONGEST_ADDRESS * most),
    memory(size * most),
  ];
  const [view, vectors] = [new DataView(headers.buffer), new DataView(new ArrayBuffer(VECTOR.size * most))];
  for (let index = 0; index < most; index++) {
    const at = index * HEADER.size;
    view.setBigUint64(at + HEADER.name, BigInt(ptr(names) + index * LONGEST_ADDRESS), true);
    view.setBigUint64(at + HEADER.vector, BigInt(ptr(vectors) + index * VECTOR.size), true);
    view.setBigUint64(at + HEADER.vectors, 1n, true);
    vectors.setBigUint64(index * VECTOR.size, BigInt(ptr(data) + index * size), true);
    vectors.setBigUint64(index * VECTOR.size + VECTOR.length, BigInt(size), true);
  }
  return { headers, view, vectors, names, data };
}

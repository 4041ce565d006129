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
  readonly #headers: Uint8Array;
  readonly #view: DataView;
  readonly #names: Uint8Array;
  readonly #data: Uint8Array;
  /** The same for what goes out. */
  readonly #out: Uint8Array;
  readonly #outView: DataView;
  readonly #vectors: DataView;
  readonly #outVectors: DataView;
  readonly #answers: Uint8Array[] = [];

  /** Room for `most` datagrams of `size` bytes; longer ones are passed over. */
  constructor(most: number, size: number) {
    const memory = (bytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(bytes));
    this.#most = most;
    this.#size = size;
    this.#headers = memory(HEADER.size * most);
    this.#out = memory(HEADER.size * most);
    this.#names = memory(LONGEST_ADDRESS * most);
    this.#data = memory(size * most);
    this.#view = new DataView(this.#headers.buffer);
    this.#outView = new DataView(this.#out.buffer);
    this.#vectors = new DataView(new ArrayBuffer(VECTOR.size * most));
    this.#outVectors = new DataView(new ArrayBuffer(VECTOR.size * most));
    for (let index = 0; index < most; index++) this.#prepare(index);
  }

  #prepare(index: number): void {
    const data = ptr(this.#data) + index * this.#size;
    this.#vectors.setBigUint64(index * VECTOR.size, BigInt(data), true);
    this.#vectors.setBigUint64(index * VECTOR.size + VECTOR.length, BigInt(this.#size), true);
    for (const [view, vectors] of [
      [this.#view, this.#vectors],
      [this.#outView, this.#outVectors],
    ] as const) {
      const at = index * HEADER.size;
      const vector = ptr(vectors) + index * VECTOR.size;
      view.setBigUint64(at + HEADER.name, BigInt(ptr(this.#names) + index * LONGEST_ADDRESS), true);
      view.setBigUint64(at + HEADER.vector, BigInt(vector), true);
      view.setBigUint64(at + HEADER.vectors, 1n, true);
    }
  }

  /** How many were there; -errno, EAGAIN where none was. */
  receive(fd: number): number {
    for (let index = 0; index < this.#most; index++)
      this.#view.setUint32(index * HEADER.size + HEADER.nameLength, LONGEST_ADDRESS, true);
    return sys("recvmmsg", fd, this.#headers, this.#most, MSG.DONTWAIT, 0);
  }

  /** The datagram at an index; empty for one that was too long. Valid until the next receive. */
  at(index: number): Uint8Array {
    const at = index * HEADER.size;
    const isCut = (this.#view.getUint32(at + HEADER.flags, true) & MSG.TRUNC) !== 0;
    const length = isCut ? 0 : this.#view.getUint32(at + HEADER.length, true);
    return this.#data.subarray(index * this.#size, index * this.#size + length);
  }

  /** From whom it came, for an answer that is sent later. */
  nameAt(index: number): Uint8Array {
    const length = this.#view.getUint32(index * HEADER.size + HEADER.nameLength, true);
    return this.#names.slice(index * LONGEST_ADDRESS, index * LONGEST_ADDRESS + length);
  }

  /** Answers the datagram at an index; `data` must stay as it is until `flush`. */
  answer(index: number, data: Uint8Array): void {
    const slot = this.#answers.length;
    const at = slot * HEADER.size;
    const name = BigInt(ptr(this.#names) + index * LONGEST_ADDRESS);
    this.#outView.setBigUint64(at + HEADER.name, name, true);
    const length = this.#view.getUint32(index * HEADER.size + HEADER.nameLength, true);
    this.#outView.setUint32(at + HEADER.nameLength, length, true);
    // A view's memory may move until its buffer was asked for.
    void data.buffer.byteLength;
    this.#outVectors.setBigUint64(slot * VECTOR.size, BigInt(ptr(data)), true);
    this.#outVectors.setBigUint64(slot * VECTOR.size + VECTOR.length, BigInt(data.length), true);
    this.#answers.push(data);
  }

  /** Sends the answers. One that cannot be sent is lost, as a datagram may be. */
  flush(fd: number): void {
    for (let sent = 0; sent < this.#answers.length; ) {
      const rest = this.#out.subarray(sent * HEADER.size);
      const count = sys("sendmmsg", fd, rest, this.#answers.length - sent, MSG.DONTWAIT | MSG.NOSIGNAL);
      // The first of the rest failed: those behind it may yet go.
      sent += count > 0 ? count : 1;
    }
    this.#answers.length = 0;
  }
}

/** Lines of JSON out of chunks that fall anywhere. For both ends of a shim's socket. */

import { FathomError } from "../std/errors.ts";

const NEWLINE = 10;
/** More than any message needs: an exec's environment is bounded by the kernel at 2 MiB. */
const LONGEST = 16 * 1024 * 1024;

/** Bytes of a connection up to now, given back line by line. */
export class LineBuffer {
  #parts: Uint8Array[] = [];
  #length = 0;
  /** Whether there may be a newline in it: a long line is not searched again with each of its chunks. */
  #promising = false;

  /** @throws {FathomError} invalid, when a line grows beyond any message's length. */
  push(chunk: Uint8Array): void {
    // The caller's memory is only lent.
    this.#parts.push(chunk.slice());
    this.#length += chunk.length;
    this.#promising ||= chunk.includes(NEWLINE);
    if (this.#length > LONGEST) throw new FathomError("invalid", "a message on a shim's socket is too long");
  }

  /** The next whole line without its newline; undefined until there is one. */
  line(): string | undefined {
    if (!this.#promising) return undefined;
    const all = this.#joined();
    const newline = all.indexOf(NEWLINE);
    this.#promising = newline >= 0;
    if (newline < 0) return undefined;
    this.#keep(all.subarray(newline + 1));
    return new TextDecoder().decode(all.subarray(0, newline));
  }

  /** Whether nothing of a line has come. */
  get empty(): boolean {
    return this.#length === 0;
  }

  /** What has come behind the last line that was given; it is then forgotten. */
  rest(): Uint8Array {
    const all = this.#joined();
    this.#keep(new Uint8Array(0));
    return all;
  }

  #joined(): Uint8Array {
    const [only = new Uint8Array(0)] = this.#parts;
    if (this.#parts.length <= 1) return only;
    const all = Buffer.concat(this.#parts);
    this.#keep(all);
    return all;
  }

  #keep(bytes: Uint8Array): void {
    this.#parts = bytes.length === 0 ? [] : [bytes];
    this.#length = bytes.length;
  }
}

/** A message as it stands on the wire. */
export function encodeMessage(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

/** The line a stream has begun and not ended yet; at most MOST_OF_LINE bytes, as longer ones are recorded in pieces. */

/** Docker's limit for one record, in bytes of output. */
export const MOST_OF_LINE = 16 * 1024;

export class UnfinishedLine {
  /** Made at the first use: most programs never leave a line unfinished. */
  #store = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next change. */
  get bytes(): Uint8Array {
    return this.#store.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): void {
    if (this.#store.length === 0) this.#store = new Uint8Array(MOST_OF_LINE);
    this.#store.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Drops what stands before `index`. */
  keepFrom(index: number): void {
    this.#store.copyWithin(0, index, this.#length);
    this.#length -= index;
  }

  clear(): void {
    this.#length = 0;
  }
}

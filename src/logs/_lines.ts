/** Reads whole lines of a file that may be growing. */

import type { LogPart } from "./_generations.ts";
import { type Source, sourceOf } from "./_source.ts";

const BLOCK = 256 * 1024;
const NEWLINE = 10;

/** A position in one file of a log, and what was read behind the last whole line. */
export class LineReader {
  readonly part: LogPart;
  readonly #source: Source;
  #buffer = new Uint8Array(BLOCK);
  /** Bytes of the buffer that were handed out, and those that were read. */
  #given = 0;
  #filled = 0;
  #position: number;

  constructor(part: LogPart, offset: number) {
    this.part = part;
    this.#source = sourceOf(part);
    this.#position = offset;
  }

  /**
   * The next whole lines before byte `limit`, some hundred kilobytes at the most; undefined when there are none for now. They
   * are valid until the next call.
   */
  async next(limit: number): Promise<Uint8Array | undefined> {
    this.#compact();
    for (;;) {
      const room = Math.min(this.#buffer.length - this.#filled, limit - this.#position);
      if (room <= 0) return this.#cutBack();
      const into = this.#buffer.subarray(this.#filled, this.#filled + room);
      const bytesRead = await this.#source(into, this.#position);
      if (bytesRead === 0) return this.#cutBack();
      const newline = this.#buffer.subarray(this.#filled, this.#filled + bytesRead).lastIndexOf(NEWLINE);
      this.#given = newline < 0 ? 0 : this.#filled + newline + 1;
      this.#position += bytesRead;
      this.#filled += bytesRead;
      if (this.#given > 0) return this.#buffer.subarray(0, this.#given);
      this.#grow();
    }
  }

  #compact(): void {
    this.#buffer.copyWithin(0, this.#given, this.#filled);
    this.#filled -= this.#given;
    this.#given = 0;
  }

  #grow(): void {
    if (this.#filled < this.#buffer.length) return;
    const larger = new Uint8Array(2 * this.#buffer.length);
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  /** Goes back to the last whole line: a writer that opens the file anew cuts off what stands behind it. */
  #cutBack(): undefined {
    this.#position -= this.#filled;
    this.#filled = 0;
    return undefined;
  }
}

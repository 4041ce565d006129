/**
 * When to let output gather before it is read.
 *
 * A program that writes line by line as fast as it can would be read line by line: each costs a wait, a read and a write to the log.
 * Once that is seen, its pipe gets more room and is read every millisecond.
 */

/** How long output gathers, in milliseconds. */
export const GATHER = 1;
/** Bytes that a pipe takes then: more than a program writes in that time. */
export const WIDE = 512 * 1024;

/** So many short waits with little to read after each are a pattern. */
const PATTERN = 16;
const SHORT = 0.5;
const LITTLE = 8 * 1024;

export class Pace {
  #short = 0;
  #bytes = 0;
  #gathering = false;
  #widened = false;

  /** Notes what was read. */
  taken(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Notes a wait for output, in milliseconds; whether to let more gather before it is read. */
  waited(milliseconds: number): boolean {
    const bytes = this.#bytes;
    this.#bytes = 0;
    const short = milliseconds < SHORT;
    this.#short = short && (this.#gathering || bytes < LITTLE) ? this.#short + 1 : 0;
    // A pipe that was full held the program up.
    this.#gathering = this.#short > PATTERN && bytes < WIDE / 2;
    return this.#gathering;
  }

  /** True once, for the first time that output gathers. */
  get widen(): boolean {
    const first = !this.#widened;
    this.#widened = true;
    return first;
  }
}

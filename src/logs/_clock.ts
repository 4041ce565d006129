/**
 * The times of a log's records.
 *
 * They rise within a file, which readers rely on, unless the system's clock was set back, which is told. A little back is no such
 * thing: another process (the shim before a doze, or that of the run before) reads the clock with an error of some milliseconds.
 */

import { parseRfc3339, rfc3339, wallClock } from "../std/time.ts";

/** In nanoseconds. */
const LITTLE = 20_000_000n;

export class Clock {
  readonly #now: () => bigint;
  #last: bigint | undefined;
  #highest: bigint | undefined = 0n;

  /** `now` gives nanoseconds since the epoch. */
  constructor(now: () => bigint = wallClock) {
    this.#now = now;
  }

  /**
   * Goes on after the last record of a file; `before` are the times from which the clock jumped back in it, where they are known.
   * Times are without zone.
   */
  goOnAfter(time: string, before: readonly string[] | undefined): void {
    this.#last = parseRfc3339(`${time}Z`);
    this.#highest = before === undefined ? undefined : this.#last;
    for (const text of before ?? []) this.#raise(parseRfc3339(`${text}Z`) ?? 0n);
  }

  /** Begins a file in which nothing is yet. */
  begin(): void {
    this.#highest = this.#last ?? 0n;
  }

  /** The highest time in the file, without its zone; undefined where it is not known. */
  get newest(): string | undefined {
    return this.#highest === undefined ? undefined : textOf(this.#highest);
  }

  /** The time now, without its zone; with `jumped`, the time before, where the clock was set back. */
  read(): { time: string; jumped?: string } {
    const now = this.#now();
    const last = this.#last ?? now;
    const jumped = now < last - LITTLE;
    const time = jumped || now > last ? now : last;
    this.#last = time;
    this.#raise(time);
    return jumped ? { time: textOf(time), jumped: textOf(last) } : { time: textOf(time) };
  }

  #raise(time: bigint): void {
    if (this.#highest !== undefined && time > this.#highest) this.#highest = time;
  }
}

function textOf(nanoseconds: bigint): string {
  return rfc3339(nanoseconds).slice(0, -1);
}

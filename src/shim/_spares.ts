/**
 * The shims that wait for a container.
 *
 * One that has served a container starts the next several times faster than a new one, whose code has never run; so what comes
 * back is kept, and taken first. A new one is made when somebody waits for it, and ahead of need when nothing else is going on.
 */

import type { Step } from "../spec/receipt.ts";
import type { Remote } from "./_remote.ts";

/** A shim and the steps of making it, which belong to the receipt of whoever takes it first. */
export interface Ready {
  remote: Remote;
  steps: Step[];
}

/** How many wait at most. */
const MOST_SPARES = 3;
/**
 * How long they wait, in milliseconds. An engine that nobody uses keeps none: a spare holds ten times the memory of a shim that
 * dozes, and what it saves is 50 to 80 ms of the first run after a pause (bench/RESULTS.md).
 */
const IDLE = 30_000;
/** A spare is made this long after the last start, in milliseconds: a short-lived container brings its shim back before. */
const RESTOCK_DELAY = 50;
/** The same where a shim was taken and no start has followed. */
const UNUSED_DELAY = 500;
/** How long whoever waits hopes for a shim that is on its way back before a new one is made, in milliseconds. */
const RETURN_DELAY = 5;

export class Spares {
  readonly #create: () => Promise<Ready>;
  /** The last is taken first. */
  readonly #spares: Ready[] = [];
  /** Those who wait for one, first come first served. */
  readonly #waiting: PromiseWithResolvers<Ready>[] = [];
  readonly #making = new Set<Promise<void>>();
  #returning = 0;
  #closed = false;
  #restock: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** The first spare is made at once. */
  constructor(create: () => Promise<Ready>) {
    this.#create = create;
    this.#make({ ahead: true });
  }

  /** A shim without a container. @throws what making one throws. */
  async take(): Promise<Ready> {
    this.#restockAfter(UNUSED_DELAY);
    const spare = this.#spares.pop();
    if (spare !== undefined) return spare;
    const waiter = Promise.withResolvers<Ready>();
    this.#waiting.push(waiter);
    if (this.#returning > 0) setTimeout(() => this.#makeMissing(), RETURN_DELAY);
    else this.#makeMissing();
    return waiter.promise;
  }

  /** A start is done with: sees to it that a spare is there for the next. */
  restock(): void {
    this.#restockAfter(RESTOCK_DELAY);
  }

  /** Keeps a shim whose container has ended, unless there are enough or it does not want to go on. Never rejects. */
  async takeBack(remote: Remote): Promise<void> {
    if (this.#closed) return remote.close();
    this.#returning += 1;
    try {
      await remote.reset();
      this.#offer({ remote, steps: [] });
    } catch {
      // It has served its time, or is gone; there is nothing else to be told.
      remote.close();
    } finally {
      this.#returning -= 1;
    }
  }

  /** Lets every spare go; resolves when none is being made any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restock);
    this.#letGo(0);
    await Promise.all(this.#making);
  }

  #restockAfter(delay: number): void {
    clearTimeout(this.#restock);
    this.#restock = setTimeout(() => {
      if (!this.#closed && this.#spares.length + this.#making.size === 0) this.#make({ ahead: true });
    }, delay);
  }

  #makeMissing(): void {
    while (this.#making.size < this.#waiting.length) this.#make({ ahead: false });
  }

  /** `ahead`: of need. Who came to wait for one that then does not come gets another; a failure of his own he is told. */
  #make({ ahead }: { ahead: boolean }): void {
    const made = this.#create()
      .then(
        (ready) => {
          // One that somebody has waited for has no time to rehearse, nor have the others that are started with it.
          if (this.#offer(ready)) ready.remote.rehearse();
        },
        (error) => {
          if (!ahead) this.#waiting.shift()?.reject(error);
          this.#making.delete(made);
          if (ahead) this.#makeMissing();
        },
      )
      .finally(() => this.#making.delete(made));
    this.#making.add(made);
  }

  /** Whether it is kept: nobody waited for it. */
  #offer(ready: Ready): boolean {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) waiter.resolve(ready);
    else if (this.#closed) ready.remote.close();
    else this.#keep(ready);
    return waiter === undefined && !this.#closed;
  }

  #keep(ready: Ready): void {
    this.#spares.push(ready);
    void ready.remote.gone.then(() => this.#forget(ready));
    this.#letGo(MOST_SPARES);
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#letGo(0), IDLE);
    this.#idle.unref();
  }

  /** Lets go of those that have waited longest, until at most so many are left. */
  #letGo(most: number): void {
    for (const { remote } of this.#spares.splice(0, this.#spares.length - most)) remote.close();
  }

  #forget(ready: Ready): void {
    const index = this.#spares.indexOf(ready);
    if (index < 0) return;
    this.#spares.splice(index, 1);
    this.restock();
  }
}

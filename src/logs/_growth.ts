/** Waits for a log to grow. */

import { watch } from "node:fs";
import { dirname } from "node:path";

/** News of one log. `over` is true when nothing more will come. */
export interface Growth extends Disposable {
  readonly over: boolean;
  /** Resolves when something was written since the last call, or it is over. */
  next(): Promise<void>;
}

export interface GrowthOptions {
  /** Settles when nothing more is written. */
  ended: Promise<unknown>;
  /** Nanoseconds since the epoch after which nothing is of interest; 0 for no bound. */
  until: bigint;
  signal?: AbortSignal;
}

/** The longest time a timer can wait. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Watches the directory of the log at `path`, so that rotation is noticed too. */
export function watchGrowth(path: string, { ended, until, signal }: GrowthOptions): Growth {
  using stack = new DisposableStack();
  let over = false;
  let news = Promise.withResolvers<void>();
  const tell = () => news.resolve();
  const end = () => {
    over = true;
    tell();
  };
  const watcher = watch(dirname(path), tell);
  stack.defer(() => watcher.close());
  signal?.addEventListener("abort", end);
  stack.defer(() => signal?.removeEventListener("abort", end));
  if (until !== 0n) {
    const timer = setTimeout(end, Math.min(Number(until / 1_000_000n) + 1 - Date.now(), LONGEST_WAIT));
    stack.defer(() => clearTimeout(timer));
  }
  if (signal?.aborted) end();
  ended.then(end, end);
  const held = stack.move();
  return {
    get over() {
      return over;
    },
    next: async () => {
      await news.promise;
      if (!over) news = Promise.withResolvers<void>();
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** So many pieces of work at a time; the others wait in the order in which they came. */

export interface Slots {
  /** Runs work when there is room. `waiting` is called when there is none yet. */
  run<T>(work: () => Promise<T>, waiting?: () => void): Promise<T>;
}

/** @param count how many at a time, at least 1 */
export function slots(count: number): Slots {
  let free = Math.max(1, count);
  const queue: (() => void)[] = [];
  return {
    async run(work, waiting) {
      if (free > 0) free -= 1;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        queue.push(resolve);
        waiting?.();
        await promise;
      }
      try {
        return await work();
      } finally {
        const next = queue.shift();
        // The place goes from hand to hand, so that nobody who comes now is before those who wait.
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}

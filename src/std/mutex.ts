/** One piece of work at a time, in the order in which it was given. */
export type Mutex = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Work given to the mutex begins once all that was given before has settled; a failure does not hold up the next.
 *
 * Work must not give its own mutex more work and wait for that: it would wait for itself.
 *
 *     const exclusive = mutex();
 *     await exclusive(() => start(container));
 */
export function mutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

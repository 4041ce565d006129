/**
 * Sizes that are found by walking a tree, for those who will not wait for a large one.
 *
 * No file system says what a directory holds. So every question walks, and gets its answer when that has taken a moment; where it takes longer,
 * the answer is that of the walk before, and this one goes on for whoever asks next. Only the first of all questions waits to the end.
 */

export interface Sizes<T> {
  /** What `walk` gives, or gave the last time. Walks of one name that overlap are one. */
  of(name: string, walk: () => Promise<T>): Promise<T>;
}

/** How long a walk is waited for, in milliseconds. */
const PATIENCE = 300;
/** Names that are remembered at most; those that were asked for longest ago go. */
const MOST = 10_000;

/** @param patience milliseconds */
export function sizes<T>(patience = PATIENCE): Sizes<T> {
  const known = new Map<string, T>();
  const walks = new Map<string, Promise<T>>();
  const begin = (name: string, walk: () => Promise<T>): Promise<T> => {
    const walking = walk()
      .then((size) => {
        remember(known, name, size);
        return size;
      })
      .finally(() => walks.delete(name));
    walks.set(name, walking);
    return walking;
  };
  return {
    async of(name, walk) {
      const walking = walks.get(name) ?? begin(name, walk);
      const last = known.get(name);
      if (last === undefined) return walking;
      const { promise, resolve } = Promise.withResolvers<T>();
      const timer = setTimeout(() => resolve(last), patience);
      // One that fails after its answer was given fails again for the next who asks.
      walking.catch(() => undefined);
      return Promise.race([walking, promise]).finally(() => clearTimeout(timer));
    },
  };
}

function remember<T>(known: Map<string, T>, name: string, size: T): void {
  known.delete(name);
  known.set(name, size);
  for (const oldest of known.keys()) {
    if (known.size <= MOST) return;
    known.delete(oldest);
  }
}

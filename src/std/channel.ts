/** Turns work that tells as it goes into a stream of what it tells. */

/**
 * What `work` sends, in its order, until it ends; its failure ends the stream.
 *
 * A reader that leaves does not stop the work: whoever made it aborts it. Past `most` values that nobody has read, `mayDrop` says which
 * are left out, so that a slow reader costs no memory.
 */
export async function* channel<T>(
  work: (send: (value: T) => void) => Promise<void>,
  { most, mayDrop }: { most: number; mayDrop: (value: T) => boolean },
): AsyncGenerator<T, void> {
  const held: T[] = [];
  let wake = Promise.withResolvers<void>();
  let ended = false;
  const done = work((value) => {
    if (held.length >= most && mayDrop(value)) return;
    held.push(value);
    wake.resolve();
  }).finally(() => {
    ended = true;
    wake.resolve();
  });
  // It is thrown below, once all that was sent before it has been read.
  done.catch(() => undefined);
  while (true) {
    yield* held.splice(0);
    if (ended && held.length === 0) break;
    if (held.length > 0) continue;
    await wake.promise;
    wake = Promise.withResolvers();
  }
  await done;
}

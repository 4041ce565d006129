/** Waiting for what another process will do. */

/**
 * Asks again and again until the answer is neither undefined nor false.
 * @param limit milliseconds after which it fails, saying what did not come
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  limit = 10_000,
): Promise<T> {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`${what} did not come within ${limit} ms`);
    await Bun.sleep(20);
  }
}

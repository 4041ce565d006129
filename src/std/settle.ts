/**
 * What all of `work` gives, once all of it has settled; else the first failure.
 *
 * Unlike Promise.all it never leaves work behind that still runs: what is undone after a failure is not done again behind it.
 */
export async function settleAll<T extends readonly unknown[]>(
  work: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  const results = await Promise.allSettled<unknown>(work);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }) as unknown as T;
}

/** Interleaved measurements: each round runs every case once, so that a busy moment of the machine hits all alike. */

export interface Case {
  name: string;
  /** One run; may give the milliseconds itself where not all of it is to count. */
  once: () => Promise<number | undefined>;
}

export interface Measured {
  name: string;
  /** Milliseconds. */
  median: number;
  min: number;
  /** The 90th of a hundred. */
  p90: number;
  runs: number;
}

/** Rounds that do not count: engines are measured as they run for days, not in their first seconds. */
const WARM_UP = 20;

export async function measure(
  cases: readonly Case[],
  rounds: number,
  { warmUp = WARM_UP } = {},
): Promise<Measured[]> {
  const times = new Map<Case, number[]>(cases.map((one) => [one, []]));
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const [one, own] of times) {
      const from = performance.now();
      const given = await one.once();
      const took = given ?? performance.now() - from;
      if (round >= warmUp) own.push(took);
    }
  }
  return [...times].map(([{ name }, own]) => summary(name, own));
}

function summary(name: string, times: number[]): Measured {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { name, median: at(0.5), min: at(0), p90: at(0.9), runs: sorted.length };
}

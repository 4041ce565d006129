/** Trying again what may have failed by chance: back-off that doubles, with jitter, and no faster than the registry allows. */

import { TransientError } from "./_failure.ts";

export interface Patience {
  attempts: number;
  backoffMs: number;
  signal: AbortSignal;
}

const LONGEST_MS = 15_000;
/** Who is told to wait longer than this is told, and waits himself. */
const LONGEST_ASKED_MS = 60_000;

/** Runs `work` until it succeeds, fails for good, or has failed `attempts` times. @throws the last failure */
export async function retrying<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await work();
    } catch (error) {
      await waitAfter(error, failed, patience);
    }
  }
}

/** Waits before the next try. @throws the failure itself, when there shall be none */
export async function waitAfter(error: unknown, failed: number, patience: Patience): Promise<void> {
  const { attempts, backoffMs, signal } = patience;
  signal.throwIfAborted();
  if (!(error instanceof TransientError) || failed >= attempts) throw error;
  const asked = error.retryAfterMs ?? 0;
  if (asked > LONGEST_ASKED_MS) throw error;
  const backoff = Math.min(backoffMs * 2 ** (failed - 1), LONGEST_MS);
  await sleep(Math.max(asked, backoff * (0.5 + Math.random() / 2)), signal);
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal.reason);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

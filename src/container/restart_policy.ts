/** Whether and when a container that has ended is started again: Docker's rules. Pure. */

import type { FullHostConfig } from "./host_config.ts";

/** Milliseconds, as all times here. */
export const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** A run at least this long counts as a success: the next delay is the first again. */
const LONG_RUN = 10_000;

/** What is remembered from one end to the next. */
export interface Backoff {
  /** What the next restart waits. */
  delay: number;
  /** Ends with an exit code other than 0, one after the other. */
  failures: number;
}

export interface End {
  exitCode: number;
  /** How long it ran. */
  duration: number;
  /** A user stopped it. */
  stopped: boolean;
}

/** How long to wait before the next start, or undefined for no start; counts in `backoff`. */
export function restartDelay(
  policy: FullHostConfig["RestartPolicy"],
  backoff: Backoff,
  end: End,
): number | undefined {
  backoff.failures = end.exitCode === 0 ? 0 : backoff.failures + 1;
  if (end.stopped || !wantsRestart(policy, backoff, end)) return undefined;
  const delay = end.duration >= LONG_RUN ? FIRST_DELAY : backoff.delay;
  backoff.delay = Math.min(2 * delay, LONGEST_DELAY);
  return delay;
}

function wantsRestart(policy: FullHostConfig["RestartPolicy"], { failures }: Backoff, end: End): boolean {
  switch (policy.Name) {
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return end.exitCode !== 0 && (policy.MaximumRetryCount === 0 || failures <= policy.MaximumRetryCount);
    default:
      return false;
  }
}

/** Whether a container that is not running is started when the engine starts. */
export function startsWithEngine(
  policy: FullHostConfig["RestartPolicy"],
  state: { ExitCode: number; RestartCount: number; ManuallyStopped: boolean; hasRun: boolean },
): boolean {
  if (!state.hasRun) return false;
  switch (policy.Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !state.ManuallyStopped;
    case "on-failure":
      return (
        state.ExitCode !== 0 &&
        !state.ManuallyStopped &&
        (policy.MaximumRetryCount === 0 || state.RestartCount < policy.MaximumRetryCount)
      );
    default:
      return false;
  }
}

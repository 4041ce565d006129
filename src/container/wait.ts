/** Waiting for a container: registered before anybody is told, so that no end is missed. */

import type { ContainerWaitResponse } from "../spec/docker.ts";
import type { WaitCondition } from "../spec/docker_query.ts";
import type { Container, Waiter } from "./container.ts";
import { isUp } from "./state.ts";

/** A promise of the end; it rejects with the signal's reason. */
export function waitFor(
  container: Container,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<ContainerWaitResponse> {
  const { state } = container.record;
  if (condition === "not-running" && !isUp(state.Status))
    return Promise.resolve({ StatusCode: state.ExitCode });
  return until(container, condition === "removed" ? "removed" : "exit", signal);
}

/** Resolves when it has ended and is not started again, at once where that is so; and when the signal comes. */
export async function untilDown(container: Container, signal: AbortSignal): Promise<void> {
  if (isUp(container.record.state.Status)) await until(container, "down", signal).catch(() => undefined);
}

function until(
  container: Container,
  event: Waiter["until"],
  signal: AbortSignal,
): Promise<ContainerWaitResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<ContainerWaitResponse>();
  const waiter: Waiter = { until: event, resolve };
  container.waiters.add(waiter);
  const give = () => {
    container.waiters.delete(waiter);
    reject(signal.reason);
  };
  signal.addEventListener("abort", give, { once: true });
  if (signal.aborted) give();
  // Whoever waits may be gone before the end.
  promise.catch(() => undefined).finally(() => signal.removeEventListener("abort", give));
  return promise;
}

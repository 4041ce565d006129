/**
 * The receipt that is current: where the steps of the work under way are reported.
 *
 * Work that belongs to a container runs inside `recording`; whatever it awaits or calls reports to the same sink. Work that
 * belongs to nobody (start-up, a probe) reports nowhere.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Actor, Step } from "../spec/receipt.ts";

/**
 * Where steps go; must not throw and must not wait. It is given what makes the step and not the step itself: putting a call into
 * words costs more than making it, and can be done when nobody waits for the work any more.
 */
export type Sink = (step: () => Step) => void;

const current = new AsyncLocalStorage<{ by: Actor; sink: Sink }>();

/** Runs `work` so that every effect it has on the kernel is reported to `sink` as done by `by`. */
export function recording<T>(by: Actor, sink: Sink, work: () => T): T {
  return current.run({ by, sink }, work);
}

/** Reports the step that `make` describes, if anybody listens. For functions of this folder only. */
export function report(make: (by: Actor) => Step): void {
  const receipt = current.getStore();
  if (receipt !== undefined) receipt.sink(() => make(receipt.by));
}

const epoch = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Nanoseconds since the epoch, monotonic within this process. */
export function now(): bigint {
  return epoch + process.hrtime.bigint();
}

/** A container in memory: its record, and what there is of it only while the daemon runs. */

import { join } from "node:path";
import type { Shim } from "../shim/handle.ts";
import type { ContainerWaitResponse } from "../spec/docker.ts";
import { type Mutex, mutex } from "../std/mutex.ts";
import { type ContainerRecord, type RecordPaths, recordPaths } from "./records.ts";
import { type Backoff, FIRST_DELAY } from "./restart_policy.ts";

export interface Container {
  readonly record: ContainerRecord;
  readonly paths: RecordPaths;
  /** Directory of the OCI bundle. */
  readonly bundle: string;
  /** Start, restart, attach, rename and remove run one at a time. The end of the program waits for none of them. */
  readonly exclusive: Mutex;
  /** Set while a program runs. */
  live: Live | undefined;
  /** A shim taken ahead of the start, for attachments that came before it. */
  pending: Promise<Pending> | undefined;
  /** Settles when nothing is left mounted of the last run. Never rejects. */
  released: Promise<void>;
  readonly waiters: Set<Waiter>;
  readonly backoff: Backoff;
  /** Runs when the next restart is due. */
  retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** Runs when the next probe of its health is due. */
  probeTimer: ReturnType<typeof setTimeout> | undefined;
  /** The end that comes was asked for: no restart policy applies to it. */
  stopping: boolean;
  /** It is being ended to be removed: what it leaves need not last. */
  leaving: boolean;
  /** The write of the state that is under way, and all before. */
  saved: Promise<void>;
}

export interface Live {
  shim: Shim;
  /** Resolves once the end is in the container's state. */
  ended: Promise<void>;
}

export interface Pending {
  shim: Shim;
  /** How many attachments have come in. */
  attachments: number;
}

/** Somebody who waits for an end or a removal. */
export interface Waiter {
  /** `down`: it has ended and is not started again. */
  until: "exit" | "down" | "removed";
  resolve: (response: ContainerWaitResponse) => void;
}

export function containerOf(
  { root, execRoot }: { root: string; execRoot: string },
  record: ContainerRecord,
): Container {
  const id = record.config.Id;
  return {
    record,
    paths: recordPaths(root, id),
    bundle: join(execRoot, "bundles", id),
    exclusive: mutex(),
    live: undefined,
    pending: undefined,
    released: Promise.resolve(),
    waiters: new Set(),
    backoff: { delay: FIRST_DELAY, failures: record.state.RestartCount },
    retryTimer: undefined,
    probeTimer: undefined,
    stopping: false,
    leaving: false,
    saved: Promise.resolve(),
  };
}

/** Names a container in sentences and in the state table. */
export function nameOf({ record }: Container): { id: string; name: string } {
  return { id: record.config.Id, name: record.config.Name };
}

/** Resolves those who wait for `event`. */
export function notify(container: Container, event: Waiter["until"]): void {
  const { ExitCode: StatusCode } = container.record.state;
  for (const waiter of container.waiters) {
    if (waiter.until !== event) continue;
    container.waiters.delete(waiter);
    waiter.resolve({ StatusCode });
  }
}

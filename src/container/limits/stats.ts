/**
 * What containers use, once or every second.
 *
 * One clock ticks for all who watch: at each tick every watched container is read once, however many watch it, and the host's
 * counters once for all of them. Nobody watches, no tick.
 */

import type { ContainerStats } from "../../spec/docker_stats.ts";
import { messageOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { waitFor } from "../wait.ts";
import { besides, nothing, type Reading, readContainer, readSystem } from "./_stats_read.ts";

/** Milliseconds between two readings, Docker's. */
const INTERVAL = 1000;

/** Who watches: given each reading. */
type Watcher = (reading: Reading) => void;

export interface Stats {
  /**
   * Readings until the signal comes or the container is removed; the first at once. Not `stream`: one reading, beside which stands
   * one of a second before it, or with `oneShot` nothing.
   */
  of(
    container: Container,
    how: { stream: boolean; oneShot: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<ContainerStats, void>;
}

export function openStats(context: Context): Stats {
  const watched = new Map<Container, Set<Watcher>>();
  let timer: ReturnType<typeof setInterval> | undefined;
  const read = async (container: Container, system = readSystem()) =>
    (await readContainer(context.options.cgroups, container, system)) ?? nothing(container);

  function tick(): void {
    const system = readSystem();
    for (const [container, watchers] of watched) {
      void read(container, system).then(
        (reading) => {
          for (const watcher of watchers) watcher(reading);
        },
        (error) =>
          context.options.warn(`container ${nameOf(container).id} cannot be measured: ${messageOf(error)}`),
      );
    }
  }

  function watch(container: Container, watcher: Watcher): Disposable {
    const watchers = watched.get(container) ?? new Set();
    watched.set(container, watchers.add(watcher));
    timer ??= setInterval(tick, INTERVAL);
    return {
      [Symbol.dispose]: () => {
        watchers.delete(watcher);
        if (watchers.size === 0) watched.delete(container);
        if (watched.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      },
    };
  }

  async function* stream(container: Container, signal: AbortSignal): AsyncGenerator<ContainerStats, void> {
    const mailbox = latest<Reading>();
    const removal = new AbortController();
    const gone = waitFor(container, "removed", AbortSignal.any([signal, removal.signal]));
    // Removed, or nobody listens any more: either is the end.
    gone.then(mailbox.close, mailbox.close);
    using watching = watch(container, mailbox.put);
    try {
      let before = await read(container);
      yield besides(before, undefined);
      for (let now = await mailbox.take(); now !== undefined; now = await mailbox.take()) {
        yield besides(now, before);
        before = now;
      }
    } finally {
      watching[Symbol.dispose]();
      removal.abort();
    }
  }

  return {
    async *of(container, how, signal) {
      if (how.stream) {
        yield* stream(container, signal);
        return;
      }
      const first = await read(container);
      if (how.oneShot || container.live === undefined) {
        yield besides(first, undefined);
        return;
      }
      await Bun.sleep(INTERVAL);
      yield besides(await read(container), first);
    },
  };
}

/** Keeps the newest value for a reader who may be slow. `take` gives undefined once it is closed. */
function latest<T>(): { put: (value: T) => void; take: () => Promise<T | undefined>; close: () => void } {
  let value: T | undefined;
  let closed = false;
  let wake: (() => void) | undefined;
  const waken = () => {
    wake?.();
    wake = undefined;
  };
  return {
    put: (newest) => {
      value = newest;
      waken();
    },
    close: () => {
      closed = true;
      waken();
    },
    take: async () => {
      if (value === undefined && !closed)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const taken = closed ? undefined : value;
      value = undefined;
      return taken;
    },
  };
}

/**
 * A receipt while it grows, from two sources: the steps of this process come from memory, at once; those of the container's shim
 * come from the file. What this process writes to the file is told from memory and passed over there.
 */

import { watch } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Step } from "../spec/receipt.ts";
import { CAPACITY, follow, parse, readAt } from "./_journal.ts";

interface FollowOptions {
  /** Tells a listener each step of this process, from now on; gives back what ends that. */
  listen: (listener: (step: Step) => void) => () => void;
  /** Writes what this process has kept. */
  write: () => Promise<void>;
  /** The container has ended or is gone. */
  ended: () => Promise<boolean>;
  signal: AbortSignal;
}

/** Milliseconds between two looks where nothing was heard: that a container has ended is not seen in its receipt. */
const LOOK_EVERY = 25;

/** Every step there is, then those that come, as many as there are each time, until the container has ended and its last are told, or the signal comes. */
export async function* followSteps(path: string, options: FollowOptions): AsyncGenerator<Step[]> {
  const file = await follow(path);
  if (file === undefined) return;
  await using _ = file;
  using change = changes(path, options.signal);
  const live = liveSteps();
  const unlisten = options.listen((step) => {
    live.add(step);
    change.wake();
  });
  try {
    await options.write();
    const fileSteps = lineReader(file);
    for (;;) {
      // Asked before reading: what was done until the end is then read after it.
      const last = await options.ended();
      const own = live.take();
      const others = (await fileSteps()).filter((step) => !live.wasTold(step));
      yield [...own, ...others];
      if (last || options.signal.aborted) return;
      await change.next();
    }
  } finally {
    unlisten();
  }
}

/** Steps of this process that wait to be told, and how often each was: equal rows of one program are equal steps. */
function liveSteps() {
  let waiting: Step[] = [];
  const told = new Map<string, number>();
  return {
    add(step: Step) {
      waiting.push(step);
      const key = JSON.stringify(step);
      told.set(key, (told.get(key) ?? 0) + 1);
    },
    take(): Step[] {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    /** Whether a step of the file is one that was added here; each counts once. */
    wasTold(step: Step): boolean {
      const key = JSON.stringify(step);
      const times = told.get(key) ?? 0;
      if (times > 1) told.set(key, times - 1);
      else told.delete(key);
      return times > 0;
    },
  };
}

/** Gives the steps of the whole lines that have come since it was last asked. */
function lineReader(file: FileHandle): () => Promise<Step[]> {
  let position = 0;
  return async () => {
    const found: Step[] = [];
    for (;;) {
      const text = await readAt(file, position, CAPACITY);
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      if (whole === "") return found;
      position += Buffer.byteLength(whole);
      found.push(...parse(whole).steps);
    }
  };
}

interface Changes extends Disposable {
  wake(): void;
  /** Resolves at the next change, at the signal, or after LOOK_EVERY. */
  next(): Promise<void>;
}

function changes(path: string, signal: AbortSignal): Changes {
  let changed = false;
  let resolveNext: (() => void) | undefined;
  const wake = () => {
    changed = true;
    resolveNext?.();
  };
  // The directory, not the file: a watch on a file that is removed says nothing more.
  const watcher = watch(dirname(path), (_, name) => {
    if (name === basename(path)) wake();
  });
  watcher.on("error", wake);
  signal.addEventListener("abort", wake);
  return {
    wake,
    async next() {
      if (!changed) await wakeOrTimer((resolve) => (resolveNext = resolve));
      resolveNext = undefined;
      changed = signal.aborted;
    },
    [Symbol.dispose]: () => {
      watcher.close();
      signal.removeEventListener("abort", wake);
    },
  };
}

function wakeOrTimer(onWake: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LOOK_EVERY);
    onWake(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

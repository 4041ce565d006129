/** A shim at work: its parts put together, from the start or after a doze. */

import { writeSync } from "node:fs";
import type { Resolver } from "../dns/mod.ts";
import { setSubreaper } from "../kernel/process.ts";
import { runtimeFor, warmUp } from "../runtime/mod.ts";
import type { Runtimes } from "./_container.ts";
import { dozeWhenQuiet, PATIENCE, patienceAfter, readHandover, type Shim } from "./_doze.ts";
import { READY } from "./_ready.ts";
import { Server } from "./_server.ts";
import { NOT_FOR_US } from "./_signals.ts";
import { Turns } from "./_turns.ts";

const STDOUT = 1;

interface Options {
  runtimes?: Runtimes;
  patience?: number;
  /** That has answered while the shim dozed. */
  resolver?: Resolver | undefined;
}

/** A new shim that listens at a path; resolves when it is not needed any more. */
export async function serveContainers(path: string, options: Options): Promise<void> {
  const { runtimes, rehearse } = preparedRuntimes();
  const shim = assemble(path, options.runtimes ?? runtimes);
  if (options.runtimes === undefined) shim.turns.onRehearse = rehearse;
  shim.server.listen();
  dozeWhenQuiet(shim, options.patience ?? PATIENCE);
  // Asked first: a parent that is gone by then is not there to be told.
  const parent = process.ppid;
  if (tellReady()) {
    leaveWithParent(shim, parent);
    await shim.turns.over;
  }
  await shim.server.close();
}

/** Milliseconds between two looks at the parent. */
const LOOK_EVERY = 500;

/** A daemon that was killed before it connected will never hang up; until then its being our parent says that it lives. */
function leaveWithParent({ server, turns }: Shim, parent: number): void {
  const look = setInterval(() => {
    if (server.received === 0 && process.ppid === parent) return;
    clearInterval(look);
    if (server.received === 0) turns.left();
  }, LOOK_EVERY);
  look.unref();
}

/** A shim that goes on after a doze, with what it has left in the file `memory`. */
export async function resumeContainers(path: string, memory: number, options: Options): Promise<void> {
  const { patience = PATIENCE } = options;
  const handover = readHandover(memory);
  const shim = assemble(path, options.runtimes ?? runtimeFor);
  await shim.turns.resume(handover.turns, options.resolver);
  await shim.server.resume(handover.server);
  dozeWhenQuiet(shim, patience, patienceAfter(handover, patience));
  await shim.turns.over;
  await shim.server.close();
}

function assemble(path: string, runtimes: Runtimes): Shim {
  for (const signal of Object.keys(NOT_FOR_US)) process.on(signal, () => undefined);
  setSubreaper();
  const turns: Turns = new Turns(runtimes, (notice) => server.notify(notice));
  const server = new Server(path, turns);
  process.on("SIGCHLD", () => turns.container.reapOrphans());
  // Whatever is wrong in here, the container is not to die of it; without one there is nothing to go on for.
  const survive = (error: unknown): void => {
    if (turns.container.idle) throw error;
    turns.container.trouble(error);
  };
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  return { path, turns, server };
}

/** A container's start is loaded while nobody waits for it, and rehearsed where there is time; what fails then, the start will say. */
function preparedRuntimes(): { runtimes: Runtimes; rehearse: () => void } {
  const rehearsal = new AbortController();
  runtimeFor("native").catch(() => undefined);
  return {
    runtimes: (name) => {
      rehearsal.abort();
      return runtimeFor(name);
    },
    rehearse: () => {
      // A rehearsal that fails costs nothing but time.
      warmUp(rehearsal.signal).catch(() => undefined);
    },
  };
}

/** False when whoever started this process is gone already. */
function tellReady(): boolean {
  try {
    writeSync(STDOUT, READY);
    return true;
  } catch {
    return false;
  }
}

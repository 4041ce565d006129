/**
 * The shim: the process beside each container that is its parent, keeps its output and its end, and outlives the daemon.
 *
 * It is started ahead of need, in a session of its own, and says on standard output when it can be reached. While it has no
 * container it ends with its control connection; while it has one, with that alone.
 */

import { writeSync } from "node:fs";
import { setSubreaper } from "../kernel/process.ts";
import { runtimeFor, warmUp } from "../runtime/mod.ts";
import { FathomError } from "../std/errors.ts";
import type { Runtimes } from "./_container.ts";
import { READY } from "./_ready.ts";
import { serve } from "./_server.ts";
import { Turns } from "./_turns.ts";

/** Signals that are meant for a daemon or a terminal's programs, and must not take the container with them. */
const NOT_FOR_US = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

const STDOUT = 1;

/** The role `shim`: `--socket PATH`. Gives its exit status. */
export async function main(argv: string[]): Promise<number> {
  const rehearsal = new AbortController();
  const served = serveContainers(socketOf(argv), (name) => {
    rehearsal.abort();
    return runtimeFor(name);
  });
  // A container's start is loaded and rehearsed while nobody waits for it; where that fails, the start will say so.
  warmUp(rehearsal.signal).catch(() => undefined);
  await served;
  return 0;
}

/** A shim at a socket, with runtimes by name; resolves when it is not needed any more. @internal */
export async function serveContainers(path: string, runtimes: Runtimes): Promise<void> {
  for (const signal of NOT_FOR_US) process.on(signal, () => undefined);
  setSubreaper();
  const turns: Turns = new Turns(runtimes, (notice) => server.notify(notice));
  const server = serve(path, turns);
  process.on("SIGCHLD", () => turns.container.reapOrphans());
  // Whatever is wrong in here, the container is not to die of it; without one there is nothing to go on for.
  const survive = (error: unknown): void => {
    if (turns.container.idle) throw error;
    turns.container.trouble(error);
  };
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  if (tellReady()) await turns.over;
  await server.close();
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

/** `--socket PATH`; parsed by hand, as whatever a shim loads it holds for as long as its container runs. */
function socketOf(argv: readonly string[]): string {
  const [option, path] = argv;
  if (option !== "--socket" || path === undefined || argv.length !== 2)
    throw new FathomError("invalid", "a shim is started with --socket PATH and nothing else");
  return path;
}

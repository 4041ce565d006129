/**
 * The shim: the process beside each container that is its parent, keeps its output and its end, and outlives the daemon.
 *
 * It is started ahead of need, in a session of its own, and says on standard output when it can be reached. While it has no
 * container it ends with its control connection; while it has one, with that alone.
 *
 * This file loads as little as can be: a shim that dozes (_doze.ts) has nothing else in memory.
 */

import type { Resolver } from "../dns/mod.ts";
import { blockUntilReadable } from "../kernel/poll.ts";
import { FathomError } from "../std/errors.ts";
import type { Runtimes } from "./_container.ts";
import { type DozingNames, dozingNames } from "./_dozing_names.ts";

/** What tests change. */
interface Options {
  /** Without them, the engine's own, warmed up ahead of need. */
  runtimes?: Runtimes;
  /** How long a shim must be quiet before it dozes, in milliseconds. */
  patience?: number;
}

/** The role `shim`: `--socket PATH`; or, to go on after a doze, `--socket PATH --resume FD FD,…`. Gives its exit status. */
export async function main(argv: string[], options: Options = {}): Promise<number> {
  const { path, doze } = argumentsOf(argv);
  const resolver = doze && (await sleep(doze, options.patience));
  const { resumeContainers, serveContainers } = await import("./_serve.ts");
  if (doze === undefined) await serveContainers(path, options);
  else await resumeContainers(path, doze.memory, { ...options, resolver });
  return 0;
}

/**
 * Until something has come that wakes the shim. Questions of names do not: they are answered with little more loaded than what
 * answers them, and the resolver that has done so goes on when the shim is awake.
 */
async function sleep({ watched, names }: Doze, quiet?: number): Promise<Resolver | undefined> {
  const isQuestion = (fd: number): boolean => fd === names?.udp || fd === names?.tcp;
  const ready = blockUntilReadable(watched);
  if (names === undefined || !ready.every(isQuestion)) return undefined;
  const { answerWhile } = await import("./_answer.ts");
  return answerWhile(
    names,
    watched.filter((fd) => !isQuestion(fd)),
    quiet,
  );
}

interface Arguments {
  path: string;
  doze?: Doze;
}

interface Doze {
  memory: number;
  watched: number[];
  names: DozingNames | undefined;
}

/** Parsed by hand, as whatever a shim loads it holds for as long as its container runs. */
function argumentsOf(argv: readonly string[]): Arguments {
  const [socket, path, resume, memory, watched] = argv;
  if (socket === "--socket" && path !== undefined) {
    if (argv.length === 2) return { path };
    if (argv.length === 5 && resume === "--resume" && watched !== undefined)
      return {
        path,
        doze: { memory: Number(memory), watched: watched.split(",").map(Number), names: dozingNames() },
      };
  }
  throw new FathomError("invalid", "a shim is started with --socket PATH and nothing else");
}

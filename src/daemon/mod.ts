/**
 * The daemon: reads its configuration, opens the engine, serves the API until a signal ends it.
 *
 * Owns: flags and daemon.json (config.ts), the wiring of all parts (engine.ts), one daemon a root (pidfile.ts), the event bus
 * (events.ts), what the engine says of itself (info.ts) and its log (log.ts). Does not own: anything that a request does.
 *
 * Invariants:
 * - Parts know each other only through what engine.ts hands them.
 * - Whatever a start has opened when it fails is closed again; containers of an earlier daemon go on in any case.
 */

import { messageOf } from "../std/errors.ts";
import { readConfig, USAGE } from "./config.ts";
import { openEngine } from "./engine.ts";
import { openLog } from "./log.ts";

/** Runs until SIGTERM or SIGINT. Gives the exit status: 0, or 1 with one line on standard error when it cannot start. */
export async function main(argv: string[]): Promise<number> {
  try {
    if (argv[0] === "doctor") return await lookAround(argv.slice(1));
    if (argv[0] === "squash") return await (await import("./squash.ts")).squashStreams(argv[1] ?? "{}");
    const config = await readConfig(argv);
    if (config === "help") {
      process.stdout.write(USAGE);
      return 0;
    }
    if (process.getuid?.() !== 0) throw new Error("the daemon makes namespaces and mounts, which needs root");
    const log = openLog(config.logLevel);
    const ended = signalled();
    await using engine = await openEngine(config, log);
    for (const address of engine.addresses) log("info", "API listens", { address });
    log("info", "daemon stops", { signal: await ended });
    return 0;
  } catch (error) {
    process.stderr.write(`fathom daemon: ${messageOf(error)}\n`);
    return 1;
  }
}

/** `doctor [fix] [OPTIONS]`: for `fathom doctor` where no daemon answers. */
async function lookAround([first, ...rest]: string[]): Promise<number> {
  const fix = first === "fix";
  const config = await readConfig(fix || first === undefined ? rest : [first, ...rest]);
  if (config === "help") throw new Error("see 'fathom doctor --help'");
  return (await import("./doctor/examine.ts")).examineAlone(config, { fix });
}

/** The first signal that asks for the end. A terminal that hangs up does not. */
function signalled(): Promise<string> {
  process.on("SIGHUP", () => undefined);
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

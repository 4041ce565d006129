/** What a command is: a table of flags, a number of operands, and what to do. */

import type { FlagTable, Parsed } from "./flags.ts";
import type { Client } from "./http/client.ts";

/** What every command is given. */
export interface Context {
  client: Client;
  /** Directory of Docker's client configuration. */
  configDir: string;
  /** Name of the context in use. */
  contextName: string;
  debug: boolean;
}

export interface Command<T extends FlagTable = FlagTable> {
  /** Usage without the program's name: `logs [OPTIONS] CONTAINER`. */
  usage: string;
  flags: T;
  /** How many operands; `max` is unbounded when absent. */
  operands: { min: number; max?: number };
  /** Everything from the first operand on belongs to the program that is run. */
  toFirstOperand?: boolean;
  /** Other ways to call it, for help. */
  aliases?: readonly string[];
  /** True for commands whose errors are those of a `run`: prefixed with the program's name, exit code 125. */
  runs?: boolean;
  run(context: Context, call: Parsed<T>): Promise<number>;
}

/** A command whose flags are erased, as the registry holds it. */
export interface AnyCommand extends Omit<Command, "run"> {
  run(context: Context, call: Parsed<FlagTable>): Promise<number>;
}

/** Declares a command; it gives `run` the types of its own flags. */
export function defineCommand<const T extends FlagTable>(command: Command<T>): AnyCommand {
  return { ...command, run: (context, call) => command.run(context, call as Parsed<T>) };
}

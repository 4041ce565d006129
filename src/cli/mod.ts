/**
 * The command line: arguments in, HTTP to the daemon, text out.
 *
 * Owns: flags and their errors, the terminal, tables and templates, exit codes, and making an image of this host's programs.
 * Does not own: anything of containers or images. All it knows of them it asks the daemon over its HTTP API, as the docker
 * command does, so that it works with Docker's daemon too (`fathom -H unix:///var/run/docker.sock ps`).
 *
 * Invariants:
 * - Names, columns, wording and exit codes are the docker command's: 125 the command line or the daemon refused, 126 the
 *   program cannot be executed, 127 it was not found, else the program's own.
 * - A command loads its own file only (`registry.ts`). On the way of `run` no node: module is loaded: each costs
 *   milliseconds (PLATFORM: node:fs 3, node:net 9, process.stdout 14).
 * - The terminal is restored whichever way the process ends.
 */

import type { AnyCommand, Context } from "./command.ts";
import { chooseEndpoint } from "./endpoint.ts";
import {
  CommandError,
  ConnectionError,
  DaemonError,
  OperandError,
  ProtocolError,
  UsageError,
} from "./errors.ts";
import { type FlagTable, HelpWanted, type Parsed, parseFlags } from "./flags.ts";
import { GLOBAL_FLAGS } from "./global.ts";
import { createClient } from "./http/client.ts";
import { flushOutput, print, printError } from "./output.ts";
import { COMMANDS, GROUPS, NOT_YET, NOT_YET_IN_GROUPS } from "./registry.ts";

/** The command line, or the daemon, would not have it. */
const REFUSED = 125;

type Globals = Parsed<typeof GLOBAL_FLAGS>["flags"];

/** Runs one command line (without the program's name) and gives its exit code. */
export async function main(argv: string[]): Promise<number> {
  const code = await dispatch(argv);
  await flushOutput();
  return code;
}

async function dispatch(argv: string[]): Promise<number> {
  let globals: Parsed<typeof GLOBAL_FLAGS>;
  try {
    globals = parseFlags(GLOBAL_FLAGS, argv, true);
  } catch (error) {
    if (error instanceof HelpWanted) return await showProgramHelp();
    if (!(error instanceof UsageError)) throw error;
    printError(
      `${error.message}\n\nUsage:  fathom [OPTIONS] COMMAND [ARG...]\n\nRun 'fathom --help' for more information\n`,
    );
    return REFUSED;
  }
  if (globals.flags.version) return await showVersion();
  const [first, second, ...rest] = globals.operands;
  if (first === undefined) return await showProgramHelp();
  if (first === "help") return await dispatch(second === undefined ? [] : [second, ...rest, "--help"]);
  if (!(first in GROUPS)) return await runNamed(first, globals.operands.slice(1), globals.flags);
  if (second === undefined || second === "--help" || second === "-h")
    return await showGroupHelp(first, second);
  return await runNamed(`${first} ${second}`, rest, globals.flags);
}

async function runNamed(name: string, args: readonly string[], globals: Globals): Promise<number> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) return unknownCommand(name);
  const { command } = await entry.load();
  using cleanup = new DisposableStack();
  try {
    const call = parseFlags<FlagTable>(command.flags, args, command.toFirstOperand);
    checkOperands(name, command, call.operands.length);
    const context = await makeContext(globals);
    cleanup.defer(() => context.client.close());
    return await command.run(context, call);
  } catch (error) {
    if (error instanceof HelpWanted) {
      print((await import("./help.ts")).commandHelp(command, entry.summary));
      return 0;
    }
    return report(error, name, command);
  }
}

function unknownCommand(name: string): number {
  if (NOT_YET.has(name) || NOT_YET_IN_GROUPS.has(name)) {
    printError(`fathom: Fathom does not have 'fathom ${name}' yet\n`);
    return 1;
  }
  const [group, inner] = name.split(" ");
  if (inner === undefined) {
    printError(`fathom: unknown command: fathom ${name}\n\nRun 'fathom --help' for more information\n`);
  } else {
    printError(
      `fathom: unknown command: fathom ${name}\n\nUsage:  fathom ${group}\n\nRun 'fathom ${group} --help' for more information\n`,
    );
  }
  return 1;
}

function checkOperands(name: string, command: AnyCommand, given: number): void {
  const { min, max } = command.operands;
  if (given >= min && (max === undefined || given <= max)) return;
  throw new OperandError(`'fathom ${name}' ${operandRule(min, max)}`);
}

function operandRule(min: number, max: number | undefined): string {
  const plural = (count: number) => `${count} argument${count === 1 ? "" : "s"}`;
  if (max === undefined) return `requires at least ${plural(min)}`;
  if (max === 0) return "accepts no arguments";
  if (min === max) return `requires ${plural(min)}`;
  return min === 0
    ? `requires at most ${plural(max)}`
    : `requires at least ${min} and at most ${plural(max)}`;
}

async function makeContext(globals: Globals): Promise<Context> {
  const configDir = globals.config ?? process.env.DOCKER_CONFIG ?? `${process.env.HOME ?? "/root"}/.docker`;
  const choice = await chooseEndpoint({ hosts: globals.host, context: globals.context, configDir });
  const start = async () => choice.isDefault && (await (await import("./autostart.ts")).startDaemon(choice));
  const client = createClient(choice, start);
  return { client, configDir, contextName: choice.context, debug: globals.debug };
}

/** Prints what went wrong in the docker command's form, and gives the exit code. */
function report(error: unknown, name: string, command: AnyCommand): number {
  const usage = `Usage:  fathom ${command.usage}`;
  const more = `'fathom ${name} --help' for more information\n`;
  if (error instanceof UsageError) {
    printError(`${error.message}\n\n${usage}\n\nRun ${more}`);
    return REFUSED;
  }
  if (error instanceof OperandError) {
    const verb = command.operands.max === undefined ? "See" : "Run";
    printError(`fathom: ${error.message}\n\n${usage}\n\n${verb} ${more}`);
    return 1;
  }
  if (!isExpected(error)) throw error;
  const code = error instanceof CommandError ? error.code : command.runs ? REFUSED : 1;
  if (error.message === "") return code;
  printError(
    command.runs && code >= REFUSED ? `fathom: ${error.message}\n\nRun ${more}` : `${error.message}\n`,
  );
  return code;
}

function isExpected(error: unknown): error is Error {
  return [CommandError, DaemonError, ConnectionError, ProtocolError].some((kind) => error instanceof kind);
}

async function showVersion(): Promise<number> {
  const { VERSION } = await import("../std/version.ts");
  print(`Fathom version ${VERSION}\n`);
  return 0;
}

async function showProgramHelp(): Promise<number> {
  print((await import("./help.ts")).programHelp(GLOBAL_FLAGS));
  return 0;
}

async function showGroupHelp(group: string, asked: string | undefined): Promise<number> {
  const text = (await import("./help.ts")).groupHelp(group);
  if (asked === undefined) printError(text);
  else print(text);
  return 0;
}

/**
 * Flags with the grammar of pflag, which the docker command uses: `-it`, `-eA=b`, `-e A=b`, `--env=A=b`, `--rm=false`, `--`.
 *
 * node:util's parseArgs is not used: it keeps the `=` of `-e=A`, reads on after the first operand, has no words for errors,
 * and loading node:util alone would take a third of the time a whole command may take.
 */

import { messageOf } from "../std/errors.ts";
import { parseBinarySize, parseGoDuration } from "../std/units.ts";
import { UsageError } from "./errors.ts";

export interface Flag {
  type: "bool" | "string" | "list" | "int" | "bytes" | "decimal" | "duration";
  help: string;
  short?: string;
  /** The type's name in help, where it differs from `type`. */
  shows?: string;
  /** Other long names, not shown in help. */
  also?: readonly string[];
  /** For a bool: its value when not given. */
  initially?: boolean;
  /** Throws an error that says what is wrong with a value. */
  check?: (text: string) => void;
}

export type FlagTable = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F["type"] extends "bool"
  ? boolean
  : F["type"] extends "list"
    ? string[]
    : F["type"] extends "string"
      ? string | undefined
      : number | undefined;

/** Values by long name: bytes and nanoseconds and billionths (of a CPU) for the types that have a unit. */
export type FlagValues<T extends FlagTable> = { -readonly [K in keyof T]: ValueOf<T[K]> };

export interface Parsed<T extends FlagTable> {
  flags: FlagValues<T>;
  /** Long names of the flags that were given. */
  given: ReadonlySet<string>;
  /** What is not a flag. */
  operands: string[];
}

/** Thrown when `--help` or `-h` (where no flag has that letter) is met. */
export class HelpWanted extends Error {
  override readonly name = "HelpWanted";
}

interface State {
  table: FlagTable;
  args: readonly string[];
  next: number;
  raw: Map<string, string[]>;
}

/** Parses arguments by a table. With `toFirstOperand` all from the first operand on are operands. Throws UsageError, HelpWanted. */
export function parseFlags<T extends FlagTable>(
  table: T,
  args: readonly string[],
  toFirstOperand = false,
): Parsed<T> {
  const state: State = { table, args, next: 0, raw: new Map() };
  const operands: string[] = [];
  while (state.next < args.length) {
    const arg = args[state.next++] ?? "";
    if (arg === "--") {
      operands.push(...args.slice(state.next));
      break;
    }
    if (arg.startsWith("--")) readLong(state, arg);
    else if (arg.startsWith("-") && arg !== "-") readShorts(state, arg);
    else {
      operands.push(arg);
      if (toFirstOperand) {
        operands.push(...args.slice(state.next));
        break;
      }
    }
  }
  return { flags: valuesOf(table, state.raw), given: new Set(state.raw.keys()), operands };
}

function readLong(state: State, arg: string): void {
  const equals = arg.indexOf("=");
  const typed = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  if (typed === "" || typed.startsWith("-")) throw new UsageError(`bad flag syntax: ${arg}`);
  const name = longName(state.table, typed);
  if (name === undefined) {
    if (typed === "help") throw new HelpWanted();
    throw new UsageError(`unknown flag: --${typed}`);
  }
  store(state, name, equals >= 0 ? arg.slice(equals + 1) : valueAfter(state, name, `--${typed}`));
}

/** The value of a flag that has none in its own argument. */
function valueAfter(state: State, name: string, shown: string): string {
  if (state.table[name]?.type === "bool") return "true";
  const value = state.args[state.next++];
  if (value === undefined) throw new UsageError(`flag needs an argument: ${shown}`);
  return value;
}

function longName(table: FlagTable, typed: string): string | undefined {
  if (Object.hasOwn(table, typed)) return typed;
  return Object.keys(table).find((name) => table[name]?.also?.includes(typed));
}

function readShorts(state: State, arg: string): void {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at] ?? "";
    const name = Object.keys(state.table).find((key) => state.table[key]?.short === letter);
    if (name === undefined) {
      if (letter === "h") throw new HelpWanted();
      throw new UsageError(`unknown shorthand flag: '${letter}' in ${arg}`);
    }
    const rest = arg.slice(at + 1);
    const isBool = state.table[name]?.type === "bool";
    if (isBool && !rest.startsWith("=")) {
      store(state, name, "true");
      continue;
    }
    store(
      state,
      name,
      rest === "" ? valueAfter(state, name, `'${letter}' in ${arg}`) : rest.replace(/^=/, ""),
    );
    return;
  }
}

function store(state: State, name: string, text: string): void {
  const flag = state.table[name];
  if (!flag) return;
  try {
    checkText(flag, text);
  } catch (error) {
    const shown = flag.short ? `-${flag.short}, --${name}` : `--${name}`;
    throw new UsageError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${messageOf(error)}`);
  }
  const earlier = flag.type === "list" ? (state.raw.get(name) ?? []) : [];
  state.raw.set(name, [...earlier, text]);
}

function checkText(flag: Flag, text: string): void {
  valueFrom(flag, text);
  flag.check?.(text);
}

function valuesOf<T extends FlagTable>(table: T, raw: ReadonlyMap<string, string[]>): FlagValues<T> {
  const values = Object.entries(table).map(([name, flag]) => {
    const texts = raw.get(name) ?? [];
    if (flag.type === "list") return [name, texts];
    const last = texts.at(-1);
    return [
      name,
      last === undefined
        ? flag.type === "bool"
          ? (flag.initially ?? false)
          : undefined
        : valueFrom(flag, last),
    ];
  });
  return Object.fromEntries(values);
}

function valueFrom(flag: Flag, text: string): boolean | string | number {
  switch (flag.type) {
    case "bool":
      return parseBool(text);
    case "string":
    case "list":
      return text;
    case "int":
      return parseInteger(text);
    case "bytes":
      return text === "-1" ? -1 : parseBinarySize(text);
    case "decimal":
      return parseCpus(text);
    case "duration": {
      const nanoseconds = parseGoDuration(text);
      if (nanoseconds === undefined) throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
      return nanoseconds;
    }
  }
}

function parseBool(text: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function parseInteger(text: string): number {
  const value = /^[+-]?(\d+|0x[\da-f]+|0o?[0-7]+|0b[01]+)$/i.test(text)
    ? Number(text.replace(/^[+]/, ""))
    : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

const BILLION = 1e9;

/** CPUs in billionths: `1.5`, `3/2`. */
function parseCpus(text: string): number {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(?:\/(\d+))?$/.exec(text);
  if (!match) throw new Error(`failed to parse ${text} as a rational number`);
  const value = (Number(match[1]) / Number(match[2] ?? 1)) * BILLION;
  if (Math.abs(value - Math.round(value)) > 1e-3) throw new Error("value is too precise");
  return Math.round(value);
}

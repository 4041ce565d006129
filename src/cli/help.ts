/** The texts of --help. */

import type { AnyCommand } from "./command.ts";
import type { Entry } from "./entry.ts";
import type { Flag, FlagTable } from "./flags.ts";
import { COMMANDS, GROUPS } from "./registry.ts";

const WIDTH = 80;

/** What most people need on most days, in that order. */
const COMMON = ["run", "exec", "ps", "images", "logs", "explain", "demo", "version", "info"];

export function commandHelp(command: AnyCommand, summary: string): string {
  const parts = [`Usage:  fathom ${command.usage}\n`, `${summary}\n`];
  if (command.aliases)
    parts.push(`Aliases:\n  ${command.aliases.map((alias) => `fathom ${alias}`).join(", ")}\n`);
  if (Object.keys(command.flags).length > 0) parts.push(`Options:\n${flagLines(command.flags)}`);
  return parts.join("\n");
}

export function groupHelp(group: string): string {
  const entries = Object.entries(COMMANDS)
    .filter(([name]) => name.startsWith(`${group} `))
    .map(([name, entry]): [string, Entry] => [name.slice(group.length + 1), entry]);
  return [
    `Usage:  fathom ${group} COMMAND\n`,
    `${GROUPS[group]}\n`,
    `Commands:\n${commandLines(withoutAliases(entries))}`,
    `Run 'fathom ${group} COMMAND --help' for more information on a command.\n`,
  ].join("\n");
}

export function programHelp(globals: FlagTable): string {
  const single = Object.entries(COMMANDS).filter(([name]) => !name.includes(" "));
  const others = single.filter(([name]) => !COMMON.includes(name));
  const groups = Object.entries(GROUPS).map(([name, summary]): [string, Entry] => [
    name,
    { summary, load: () => Promise.reject(new Error(`${name} is a group`)) },
  ]);
  return [
    "Usage:  fathom [OPTIONS] COMMAND\n",
    "A container engine that speaks Docker's language and explains what it does\n",
    `Common Commands:\n${commandLines(COMMON.flatMap((name) => single.filter(([known]) => known === name)))}`,
    `Management Commands:\n${commandLines(groups)}`,
    `Commands:\n${commandLines(others)}`,
    `Global Options:\n${flagLines(globals)}`,
    "Run 'fathom COMMAND --help' for more information on a command.\n",
  ].join("\n");
}

/** Of names for one and the same command the shortest stays: `ls` of `list`, `ls` and `ps`. */
function withoutAliases(entries: [string, Entry][]): [string, Entry][] {
  const shortest = new Map<Entry, string>();
  for (const [name, entry] of entries) {
    const known = shortest.get(entry);
    if (known === undefined || name.length < known.length) shortest.set(entry, name);
  }
  return entries.filter(([name, entry]) => shortest.get(entry) === name);
}

function commandLines(entries: readonly [string, Entry][]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, { summary }]) => `  ${name.padEnd(width)}   ${summary}\n`).join("");
}

function flagLines(flags: FlagTable): string {
  const rows = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => ({
      left: flagName(name, flag),
      help: flag.initially ? `${flag.help} (default true)` : flag.help,
    }));
  const width = Math.max(...rows.map(({ left }) => left.length)) + 3;
  return rows.map(({ left, help }) => `${left.padEnd(width)}${wrap(help, width)}\n`).join("");
}

function flagName(name: string, flag: Flag): string {
  const short = flag.short ? `-${flag.short}, ` : "    ";
  const type = flag.type === "bool" ? "" : ` ${flag.shows ?? flag.type}`;
  return `  ${short}--${name}${type}`;
}

function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && indent + last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${" ".repeat(indent)}`);
}

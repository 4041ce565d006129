/** What Fathom has: endpoints from the route tables, flags from the tables of its commands. */

import { routesOf } from "../../src/api/mod.ts";
import { fakeBackends } from "../../src/api/test_backends.ts";
import type { Entry } from "../../src/cli/entry.ts";
import type { FlagTable } from "../../src/cli/flags.ts";
import { GLOBAL_FLAGS } from "../../src/cli/global.ts";
import { COMMANDS } from "../../src/cli/registry.ts";
import REFUSED from "./refused.json" with { type: "json" };

export interface Endpoint {
  method: string;
  /** Parameters in braces: `/containers/{id}/json`. */
  path: string;
  /** It is only refused. */
  notYet: boolean;
}

export interface Command {
  /** As it is typed; the shortest where it has several names. */
  name: string;
  /** All its names. */
  names: string[];
  flags: Flag[];
}

export interface Flag {
  /** Without dashes. */
  name: string;
  short: string | undefined;
  notYet: boolean;
}

/** What the command line holds in place of the name of a command, for the flags before it. */
export const GLOBAL = "(global)";

export function endpoints(): Endpoint[] {
  return routesOf(fakeBackends().backends)
    .map(({ method, pattern, notYet = false }) => ({ method, path: pattern.replaceAll("*}", "}"), notYet }))
    .sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
}

export async function commands(): Promise<Command[]> {
  const byEntry = Map.groupBy(Object.keys(COMMANDS), (name) => COMMANDS[name]);
  const found = await Promise.all([...byEntry].map(([entry, names]) => commandOf(entry, names)));
  const globals = { name: GLOBAL, names: [GLOBAL], flags: flagsOf(GLOBAL_FLAGS) };
  return [globals, ...found.sort((a, b) => compare(a.name, b.name))];
}

async function commandOf(entry: Entry | undefined, names: string[]): Promise<Command> {
  const flags = entry === undefined ? {} : (await entry.load()).command.flags;
  const shortest = names.toSorted((a, b) => a.split(" ").length - b.split(" ").length || a.length - b.length);
  return { name: shortest[0] ?? "", names, flags: flagsOf(flags) };
}

function flagsOf(table: FlagTable): Flag[] {
  return Object.entries(table)
    .map(([name, { short, help }]) => ({ name, short, notYet: isRefused(name, help) }))
    .sort((a, b) => compare(a.name, b.name));
}

/** By the command line, which says so in its help, or by the daemon. */
function isRefused(name: string, help: string): boolean {
  return help === "Not in Fathom yet" || Object.hasOwn(REFUSED, name);
}

/** By bytes, so that the order is the same in every locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Finds programs by name, and what a script needs: its interpreter, and Python's standard library. */

import { constants } from "node:fs";
import { access, readdir, realpath, stat } from "node:fs/promises";
import { CommandError } from "../errors.ts";
import type { Libraries } from "./libraries.ts";
import type { Tree } from "./tree.ts";

/** What the kernel reads of a `#!` line (BINPRM_BUF_SIZE). */
const SHEBANG_LENGTH = 256;
const MOST_INTERPRETERS = 5;
const STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Host {
  tree: Tree;
  libraries: Libraries;
}

/** The search path of an image that has programs of these directories. */
export function searchPath(programs: readonly string[]): string {
  const own = programs.map((path) => path.slice(0, path.lastIndexOf("/")) || "/");
  return [...new Set([...STANDARD_PATH.split(":"), ...own])].join(":");
}

/** The path of a program given by name or path. Throws CommandError. */
export async function findProgram(name: string): Promise<string> {
  if (name.includes("/")) {
    const path = name.startsWith("/") ? name : `${process.cwd()}/${name}`;
    if (await isProgram(path)) return path;
    throw new CommandError(`${name} is not a program: there is no executable file of this name`);
  }
  for (const directory of (process.env.PATH ?? STANDARD_PATH).split(":")) {
    // Shims of pyenv and its like only start another program, by way of a manager that would not be in the image.
    if (!directory.startsWith("/") || directory.endsWith("/shims")) continue;
    const path = `${directory}/${name}`;
    if (await isProgram(path)) return path;
  }
  throw new CommandError(`${name} was not found: it is in no directory of PATH`);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Adds a program with all that it needs to run, and gives the path it was found at. */
export async function addProgram(host: Host, name: string, depth = 0): Promise<string> {
  const path = await findProgram(name);
  await host.libraries.addNeeds(path);
  const interpreter = await interpreterOf(path);
  if (interpreter && depth < MOST_INTERPRETERS) {
    for (const part of interpreter) await addProgram(host, part, depth + 1);
  }
  await addPython(host, path);
  return path;
}

/** Programs that a script's first line names: the interpreter, and what `env` is to start. */
async function interpreterOf(path: string): Promise<string[] | undefined> {
  const head = await Bun.file(path).slice(0, SHEBANG_LENGTH).text();
  const line = /^#!\s*(.+)/.exec(head)?.[1]?.trim();
  if (!line) return undefined;
  const [program = "", ...args] = line.split(/\s+/);
  if (!program.endsWith("/env")) return [program];
  const started = args.find((arg) => !arg.startsWith("-") && !arg.includes("="));
  return started === undefined ? [program] : [program, started];
}

/** A Python interpreter is of no use without its library, which lies beside it and is named by its version. */
async function addPython({ tree, libraries }: Host, path: string): Promise<void> {
  const resolved = await realpath(path);
  const [, prefix, version] = /^(.*)\/bin\/(python3\.\d+)$/.exec(resolved) ?? [];
  if (prefix === undefined || version === undefined) return;
  const places = [
    `${prefix}/lib/${version}`,
    `${prefix}/lib/python3/dist-packages`,
    `/usr/local/lib/${version}/dist-packages`,
  ];
  for (const directory of places) {
    // Not every Python has all of these places.
    const there = await readdir(directory).catch(() => undefined);
    if (!there) continue;
    const files = await tree.addAll(directory);
    // Modules for things that are not installed, as _tkinter, are of use to nobody and no reason to fail.
    for (const file of files) if (file.endsWith(".so")) await libraries.addNeeds(file, { optional: true });
  }
}

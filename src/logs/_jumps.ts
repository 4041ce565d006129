/**
 * When the system's clock was set back while a log was written: `NAME.jumps` beside the log, one JSON object a line.
 *
 * Times in a log file rise, which is what makes it quick to find a time in it; between two jumps that is always so. A clock that is
 * set back is rare, so the file is, too.
 */

import { appendFileSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { ifAbsent, isAbsent } from "../std/absent.ts";

export interface Jump {
  /** The log file's identity. */
  file: string;
  /** The byte from which on times are lower than before. */
  offset: number;
  /** The last time before, and the first after. */
  before: string;
  after: string;
}

const MODE = 0o640;
/** Beyond it no more are noted, and readers search nothing in this log. */
const MOST_BYTES = 256 * 1024;

function jumpsPath(path: string): string {
  return `${path}.jumps`;
}

/** Notes a jump; it is on file before any record that has jumped. */
export function noteJump(path: string, jump: Jump): void {
  const size = statSync(jumpsPath(path), { throwIfNoEntry: false })?.size ?? 0;
  if (size < MOST_BYTES) appendFileSync(jumpsPath(path), `${JSON.stringify(jump)}\n`, { mode: MODE });
}

/** The jumps noted; `unknown` where there were too many, or the file is damaged. */
export async function readJumps(path: string): Promise<Jump[] | "unknown"> {
  return parse(await readFile(jumpsPath(path), "utf8").catch(ifAbsent("")));
}

/** The same for the writer. */
export function readJumpsNow(path: string): Jump[] | "unknown" {
  try {
    return parse(readFileSync(jumpsPath(path), "utf8"));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Forgets the jumps of files that are not among `files`. */
export function forgetJumps(path: string, files: ReadonlySet<string>): void {
  const jumps = readJumpsNow(path);
  if (jumps === "unknown" || jumps.length === 0) return;
  const kept = jumps.filter(({ file }) => files.has(file));
  if (kept.length === jumps.length) return;
  if (kept.length === 0) {
    rmSync(jumpsPath(path), { force: true });
    return;
  }
  const temporary = `${jumpsPath(path)}.new`;
  writeFileSync(temporary, kept.map((jump) => `${JSON.stringify(jump)}\n`).join(""), { mode: MODE });
  renameSync(temporary, jumpsPath(path));
}

/** A last line without its end was never followed by a record that has jumped. */
function parse(text: string): Jump[] | "unknown" {
  if (text.length >= MOST_BYTES) return "unknown";
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  try {
    return lines.filter(Boolean).map((line) => jumpOf(JSON.parse(line)));
  } catch {
    // Whoever reads goes without it: slower, and right.
    return "unknown";
  }
}

function jumpOf(value: unknown): Jump {
  const { file, offset, before, after } = Object(value);
  const texts = [file, before, after].every((field) => typeof field === "string");
  if (!texts || !Number.isSafeInteger(offset)) throw new TypeError("no jump");
  return { file, offset, before, after };
}

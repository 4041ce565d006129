/** This host's end of a copy: what is there. */

import type { BigIntStats } from "node:fs";
import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { codeOf, ifAbsent, isAbsent } from "../../std/absent.ts";
import { CommandError } from "../errors.ts";
import { clean, endsInSlash, followed, linkedPath, splitEntry } from "./paths.ts";
import type { Destination, Source } from "./plan.ts";

/** The thing to copy; its directory's links are followed, its own only when asked to or where the path says it is a directory. */
export async function localSource(path: string, followLink: boolean): Promise<Source> {
  const { parent, name } = splitEntry(path);
  const whole = followLink || endsInSlash(path) ? await real(path) : undefined;
  const resolved = whole ?? `${await real(parent)}/${name === "/" ? "" : name}`;
  const named = followed(path, resolved);
  const found = await facts(named.path);
  return { isDirectory: found.isDirectory(), ...named };
}

/** What is missing behind a link is named by where the link leads. */
function real(path: string): Promise<string> {
  return realpath(path).catch(async (cause) => {
    const target = await readlink(path).catch(() => undefined);
    throw pathError("lstat", target === undefined ? path : linkedPath(path, target), cause);
  });
}

/** @throws {CommandError} in the words of Go's os package */
function facts(path: string): Promise<BigIntStats> {
  return lstat(path, { bigint: true }).catch((cause) => {
    throw pathError("lstat", path, cause);
  });
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EACCES: "permission denied",
  ELOOP: "too many levels of symbolic links",
};

/** `lstat /x: no such file or directory`. */
function pathError(call: string, path: string, cause: unknown): CommandError {
  const code = codeOf(cause) ?? "";
  return new CommandError(`${call} ${path}: ${WORDS[code] ?? String(cause)}`, 1, { cause });
}

const MOST_LINKS = 10;

/** Where a copy is to go, links followed, also to what is not there. @throws {CommandError} where its directory is missing */
export async function localDestination(path: string): Promise<Destination> {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const found = await lstat(at, { bigint: true }).catch(ifAbsent(undefined));
    if (found === undefined) return missing(at);
    if (!found.isSymbolicLink()) return { path: at, isDirectory: found.isDirectory() };
    at = linkedPath(at, await readlink(at.replace(/(.)\/+$/, "$1")));
  }
  throw new CommandError(`too many symlinks in ${path}`);
}

async function missing(path: string): Promise<Destination> {
  const { parent } = splitEntry(path);
  const found = await stat(parent).catch((cause) => {
    throw pathError("stat", parent, cause);
  });
  if (!found.isDirectory()) throw new CommandError("not a directory");
  return { path, isDirectory: undefined };
}

/** Refuses what nothing can be copied to, before anything is asked of the daemon. @throws {CommandError} in Docker's words */
export async function checkOutput(path: string): Promise<void> {
  const { parent } = splitEntry(clean(path));
  if (!(await exists(parent)))
    throw new CommandError(`invalid output path: directory "${parent}" does not exist`);
  const found = await stat(path).catch(ifAbsent(undefined));
  if (found === undefined || found.isDirectory() || found.isFile()) return;
  const what = found.isCharacterDevice() || found.isBlockDevice() ? "got a device" : "got an irregular file";
  throw new CommandError(`invalid output path: "${path}" must be a directory or a regular file: ${what}`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => !isAbsent(error),
  );
}

/**
 * Paths as `docker cp` reads them: pure text. A slash or `/.` at the end has a meaning, so neither may be lost: `dir` is the
 * directory, `dir/.` what is in it, and `name/` has to be a directory. Names of the functions follow Go's path/filepath.
 */

import { posix } from "node:path";

/** One end of a copy. Without a container it is a path of this host, or `-`. */
export interface Operand {
  container: string | undefined;
  path: string;
}

/** `CONTAINER:PATH`, unless it begins with a slash or a dot, which no container's name does. */
export function parseOperand(text: string): Operand {
  const colon = text.indexOf(":");
  if (text.startsWith("/") || text.startsWith(".") || colon < 0) return { container: undefined, path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** Without `.`, `..` and slashes that mean nothing; `.` for an empty path. */
export function clean(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, "$1");
}

/** The last component: `/` of the root, `.` of an empty path. */
function base(path: string): string {
  if (path === "") return ".";
  return /([^/]*)\/*$/.exec(path)?.[1] || "/";
}

export function endsInSlash(path: string): boolean {
  return path.endsWith("/");
}

function endsInDot(path: string): boolean {
  return base(path) === ".";
}

/** Whether the end of a path says that it is a directory. */
export function assertsDirectory(path: string): boolean {
  return endsInSlash(path) || endsInDot(path);
}

/** A path that was worked on, with the slash or dot at its end that it had before. */
function keepingEnd(path: string, original: string): string {
  let kept = path;
  if (!endsInDot(kept) && endsInDot(original)) kept += endsInSlash(kept) ? "." : "/.";
  if (!endsInSlash(kept) && endsInSlash(original)) kept += "/";
  return kept;
}

/** The directory of a path and its last component, which is `.` where the path ends in it. */
export function splitEntry(path: string): { parent: string; name: string } {
  const cleaned = endsInDot(path) ? `${clean(path)}/.` : clean(path);
  return { parent: clean(cleaned.replace(/[^/]*$/, "")), name: base(cleaned) };
}

/** Where a symbolic link at `path` leads. */
export function linkedPath(path: string, target: string): string {
  return target.startsWith("/") ? target : posix.join(splitEntry(path).parent, target);
}

/**
 * A path whose last link was followed, with the end it had before; and the name that was asked for, where that is not its own
 * any more: the archive is to carry that one.
 */
export function followed(path: string, target: string): { path: string; name?: string } {
  const kept = keepingEnd(target, path);
  return base(path) === base(kept) ? { path: kept } : { path: kept, name: base(path) };
}

/** A path of this host as an absolute one. */
export function absolute(path: string, directory: string): string {
  return keepingEnd(posix.resolve(directory, path), path);
}

/** Where a copy goes and what it is called there, from what is known of both ends. Pure. */

import { CommandError } from "../errors.ts";
import { assertsDirectory, splitEntry } from "./paths.ts";

export interface Source {
  path: string;
  isDirectory: boolean;
  /** What it is called, where that is not the last component of its path. */
  name?: string;
}

export interface Destination {
  path: string;
  /** Undefined where nothing is. */
  isDirectory: boolean | undefined;
}

export interface CopyPlan {
  /** The directory that takes the archive. */
  directory: string;
  /** What the top of the archive is called there. */
  name: string;
}

/**
 * Into a directory that is there a copy goes under its own name; else it takes the destination's.
 * @throws {CommandError} in Docker's words, where the two do not go together.
 */
export function planCopy(source: Source, destination: Destination): CopyPlan {
  const own = source.name ?? splitEntry(source.path).name;
  const { parent, name } = splitEntry(destination.path);
  if (destination.isDirectory) return { directory: destination.path, name: own };
  if (destination.isDirectory === false && source.isDirectory)
    throw new CommandError("cannot copy directory");
  if (destination.isDirectory === undefined && !source.isDirectory && assertsDirectory(destination.path))
    throw new CommandError("no such directory");
  return { directory: parent, name };
}

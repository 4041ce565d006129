/** The engine's root directories. */

import { access, constants, mkdir } from "node:fs/promises";
import { codeOf } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/**
 * Makes one where it is missing. One that cannot be written to ends the start, as with Docker: an engine that can note nothing would
 * lose what it starts. Containers that run go on without it.
 * @throws {FathomError} unavailable, naming what to look at.
 */
export async function makeRoot(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.W_OK);
  } catch (cause) {
    const why = WHY.get(codeOf(cause) ?? "");
    if (why === undefined) throw cause;
    throw new FathomError(
      "unavailable",
      `${path} ${why}, and the daemon must write there: see findmnt -T ${path}; df -h ${path}; dmesg. Containers that run go on meanwhile`,
      { cause },
    );
  }
}

const WHY: ReadonlyMap<string, string> = new Map([
  ["EROFS", "is on a file system that is mounted read-only"],
  ["ENOSPC", "is on a file system that is full"],
]);

/** The engine's root directories. */

import { access, constants, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";

/**
 * Makes the directory of what need not outlast a boot. One that cannot be written to ends the start: no socket could be there.
 * @throws {FathomError} unavailable, naming what to look at.
 */
export async function makeExecRoot(path: string): Promise<void> {
  try {
    await makeWritable(path);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

async function makeWritable(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await access(path, constants.W_OK);
}

/**
 * Makes the directory of all that lasts, and says whether it can be written to. A disk that its file system has made read-only after
 * an error is when people most want to see what runs and to stop it: such a root is served as it is.
 * @throws {FathomError} unavailable, where there is none to serve.
 */
export async function makeDataRoot(path: string): Promise<{ writable: boolean }> {
  try {
    await makeWritable(path);
    return { writable: true };
  } catch (cause) {
    const isThere = await access(join(path, "containers")).then(
      () => true,
      () => false,
    );
    if (codeOf(cause) === "EROFS" && isThere) return { writable: false };
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): unknown {
  const why = WHY.get(codeOf(cause) ?? "");
  if (why === undefined) return cause;
  return new FathomError(
    "unavailable",
    `${path} ${why}, and the daemon must write there: see findmnt -T ${path}; df -h ${path}; dmesg. Containers that run go on meanwhile`,
    { cause },
  );
}

const WHY: ReadonlyMap<string, string> = new Map([
  ["EROFS", "is on a file system that is mounted read-only"],
  ["ENOSPC", "is on a file system that is full"],
]);

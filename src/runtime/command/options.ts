/** Options that several commands share, and what they mean. */

import { FathomError } from "../../std/errors.ts";
import type { OptionTable, Words } from "./arguments.ts";
import type { Making } from "./life.ts";

const MAKING: OptionTable = {
  "pid-file": "value",
  "console-socket": "value",
  "no-pivot": "flag",
  "preserve-fds": "value",
};
export const CREATE: OptionTable = { ...MAKING, bundle: "value", "no-new-keyring": "flag" };
export const EXEC: OptionTable = { ...MAKING, process: "value", detach: "flag", tty: "flag", cwd: "value" };

/** @throws {FathomError} unsupported or invalid */
export function makingOf({ options }: Words): Making {
  if ("no-pivot" in options)
    throw new FathomError(
      "unsupported",
      "--no-pivot is not supported: it would leave the host below the container's root",
    );
  const preserved = Number(options["preserve-fds"] ?? 0);
  if (!Number.isInteger(preserved) || preserved < 0 || preserved > 1024)
    throw new FathomError(
      "invalid",
      `--preserve-fds is no number of descriptors: ${options["preserve-fds"]}`,
    );
  return { pidFile: options["pid-file"], consoleSocket: options["console-socket"], preserved };
}

export function creationOf(read: Words): Making & { bundle: string } {
  return { bundle: read.options.bundle ?? ".", ...makingOf(read) };
}

/** @throws {FathomError} invalid */
export function idOf({ rest: [id] }: Words): string {
  if (id === undefined) throw new FathomError("invalid", "the container's ID is missing");
  return id;
}

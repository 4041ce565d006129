/** Names of volumes: which are allowed, and those of volumes that nobody named. */

import { randomBytes } from "node:crypto";
import { FathomError } from "../std/errors.ts";

/** Docker marks volumes without a name of their own so; prune looks for it. */
export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** NAME_MAX of Linux: the name is a directory's. */
const LONGEST = 255;

/** @throws {FathomError} invalid, in Docker's words */
export function checkName(name: string): void {
  const wrong = (reason: string) => new FathomError("invalid", `create ${name}: ${reason}`);
  if (name.length === 1)
    throw wrong("volume name is too short, names should be at least two alphanumeric characters");
  if (!NAME.test(name))
    throw wrong(
      `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  if (name.length > LONGEST) throw wrong(`volume name is too long: at most ${LONGEST} characters`);
}

/** 64 hexadecimal digits. */
export function inventName(): string {
  return randomBytes(32).toString("hex");
}

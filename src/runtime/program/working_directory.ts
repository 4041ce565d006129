/** The directory a program starts in. */

import { type Argument, type Call, ERRNO, O, result, type SyscallError } from "../../kernel/mod.ts";
import { FathomError } from "../../std/errors.ts";
import { makeDirectory, openIn } from "./rows.ts";

const MAKE = "make a part of the working directory: ";
const CHANGE = "change to the working directory ";

/** Rows that make it where it is missing, while the process is still the engine's. */
export function makeWorkingDirectory(root: Argument, cwd: string): Call[] {
  return makeDirectory(root, cwd, { what: (part) => MAKE + part }).rows;
}

/**
 * Changes to it as the user who is to work there. It is resolved beneath the root, and a link of /proc to an open descriptor is
 * no way to anywhere (CVE-2024-21626).
 */
export function workingDirectoryRows(root: Argument, cwd: string): Call[] {
  if (!cwd.startsWith("/"))
    throw new FathomError("invalid", `the working directory is not an absolute path: ${cwd}`);
  const what = CHANGE + cwd;
  const opened = openIn(root, { path: cwd, flags: O.PATH | O.DIRECTORY, what });
  return [
    opened,
    { call: "fchdir", args: [result(opened, `fd of ${cwd}`)], what, see: "ls -l /proc/PID/cwd" },
  ];
}

/** What is wrong with it, in Docker's words and with its exit status; undefined for an error of other rows. */
export function workingDirectoryFailure({
  what,
  errno,
  code,
}: SyscallError): [message: string, exitCode: 126 | 128] | undefined {
  if (what.startsWith(MAKE) && errno === ERRNO.ENOTDIR)
    return [`Cannot mkdir: ${what.slice(MAKE.length)} is not a directory`, 128];
  if (!what.startsWith(CHANGE)) return undefined;
  const cwd = JSON.stringify(what.slice(CHANGE.length));
  return [`chdir to cwd (${cwd}) set in config.json failed: ${WORDS.get(errno) ?? code}`, 126];
}

const WORDS: ReadonlyMap<number, string> = new Map([
  [ERRNO.ENOENT, "no such file or directory"],
  [ERRNO.ENOTDIR, "not a directory"],
  [ERRNO.EACCES, "permission denied"],
  [ERRNO.ELOOP, "too many levels of symbolic links"],
]);

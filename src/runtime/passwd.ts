/** The home directory of a user of the container, from its own /etc/passwd (passwd(5)). */

import { readFileInRoot, SyscallError } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";

const LIMIT = 4 * 1024 * 1024;

/** `/` for a user that the file does not know, or where there is no such file; the same as other runtimes give. */
export function homeOf(root: string, uid: number): string {
  const entry = readPasswd(root)
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => fields.length >= 6 && fields[2] === String(uid));
  return entry?.[5] || "/";
}

/** An /etc/passwd that cannot be read is as good as none: HOME is a convenience. */
function readPasswd(root: string): string {
  try {
    return readFileInRoot(root, "/etc/passwd", LIMIT) ?? "";
  } catch (error) {
    if (error instanceof FathomError || error instanceof SyscallError) return "";
    throw error;
  }
}

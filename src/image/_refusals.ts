/** What is said when an archive cannot be unpacked: one sentence that names the entry. */

import { ERRNO, errnoName } from "../kernel/mod.ts";
import { codeOf } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { type TarEntry, tarNameText } from "../std/tar/entry.ts";

const nameOf = (entry: TarEntry): string => JSON.stringify(tarNameText(entry.path));

/** The archive is at fault. */
export function refused(entry: TarEntry, why: string): FathomError {
  return new FathomError("invalid", `the archive is refused: its entry ${nameOf(entry)} ${why}`);
}

/** The entry's own name, or its hard link's, is absolute or climbs out. */
export function leavesRoot(entry: TarEntry): FathomError {
  if (entry.type !== "link") return refused(entry, "would be written outside the image's root");
  const target = JSON.stringify(tarNameText(entry.linkPath));
  return refused(entry, `would be written outside the image's root, or is a hard link to what is: ${target}`);
}

/** The directory an entry is in, or its hard link's, could not be reached. */
export function unreachable(entry: TarEntry, errno: number): FathomError {
  const link =
    entry.type === "link" ? ` (a hard link to ${JSON.stringify(tarNameText(entry.linkPath))})` : "";
  switch (errno) {
    case ERRNO.EXDEV:
      return refused(entry, `leaves the image's root through a symbolic link${link}`);
    case ERRNO.ELOOP:
      return refused(entry, `leads through a loop of symbolic links${link}`);
    case ERRNO.ENOENT:
      return refused(entry, `leads through a directory that is not there${link}`);
    case ERRNO.ENOTDIR:
      return refused(entry, `is below something that is not a directory${link}`);
    default:
      return unpackFailure(entry, errno);
  }
}

/** A system call failed; `what` is the part of the entry that could not be made, if not all of it. */
export function unpackFailure(entry: TarEntry, errno: number, what?: string): FathomError {
  const part = what === undefined ? "" : `, ${what}`;
  if (what === undefined && (errno === ERRNO.ENOSPC || errno === ERRNO.EDQUOT)) {
    return new FathomError(
      "unavailable",
      `no space left on device to unpack ${nameOf(entry)}: free some and try again`,
    );
  }
  const archives = ARCHIVES_FAULT.has(errno) ? "invalid" : "internal";
  return new FathomError(
    archives,
    `cannot unpack the archive's entry ${nameOf(entry)}${part}: ${errnoName(errno)}`,
  );
}

/** Errnos that follow from what the archive asks for. */
const ARCHIVES_FAULT: ReadonlySet<number> = new Set([
  ERRNO.ENAMETOOLONG,
  ERRNO.EINVAL,
  ERRNO.EFBIG,
  ERRNO.E2BIG,
  ERRNO.ERANGE,
  ERRNO.ENOSPC,
  ERRNO.EDQUOT,
  ERRNO.EMLINK,
  ERRNO.ENOENT,
  ERRNO.ENOTDIR,
]);

/** The error, in words if it says that the disk is full. `path` is what was being written. */
export function diskFullError(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new FathomError("unavailable", `no space left on device to write ${path}: free some and try again`, {
    cause: error,
  });
}

/** For `.catch` of a write. */
export function diskFull(path: string): (error: unknown) => never {
  return (error) => {
    throw diskFullError(error, path);
  };
}

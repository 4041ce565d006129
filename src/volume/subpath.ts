/**
 * A part of a volume or an image shown elsewhere (`volume-subpath`, `image-subpath`).
 *
 * A container that writes to the volume may exchange any part of the path for a symbolic link at any time. So the path is
 * resolved once, inside the volume, and what was found is bound by its descriptor.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { bindDescriptor, O, openInRoot, owned, S, SyscallError, statFd } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";

/** @throws {FathomError} invalid for a path that is absolute or goes up */
function checkSubpath(subpath: string): void {
  const goesUp = subpath.split("/").includes("..");
  if (subpath.startsWith("/") || goesUp)
    throw new FathomError(
      "invalid",
      `subpath must be a relative path within the volume: ${JSON.stringify(subpath)}`,
    );
}

/**
 * Binds what is at `subpath` below `root` to `target`, which is made to be of the same kind.
 * @throws {FathomError} not-found, when nothing is there
 */
export async function bindSubpath(root: string, subpath: string, target: string): Promise<void> {
  checkSubpath(subpath);
  using place = open(root, subpath);
  const isDirectory = (statFd(place.fd).mode & S.IFMT) === S.IFDIR;
  if (isDirectory) await mkdir(target, { recursive: true, mode: 0o700 });
  else await writeFile(target, "", { mode: 0o600 });
  bindDescriptor(place.fd, target);
}

function open(root: string, subpath: string): Disposable & { fd: number } {
  try {
    return owned(openInRoot(root, subpath, O.PATH));
  } catch (cause) {
    if (!(cause instanceof SyscallError)) throw cause;
    throw new FathomError(
      "invalid",
      `cannot access path ${root}/${subpath}: ${cause.code === "ENOENT" ? "no such file or directory" : cause.code}`,
      { cause },
    );
  }
}

/** Layers put together to one tree of plain files, for the drivers that have no overlay to do it at the mount. */

import {
  AT,
  type At,
  type CopyEntry,
  closeFd,
  copyTree,
  factsOf,
  namesIn,
  openDirectory,
  owned,
  removeAll,
  S,
  type Stat,
} from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { isOpaque } from "./_lower.ts";
import { isWhiteout } from "./_whiteout.ts";

/**
 * Adds layers to what is in a directory, with reflinks where the file system has them. Only the directory's own facts stay.
 * @param layers the lowest first @throws {SyscallError}
 */
export async function flatten(layers: readonly string[], target: string): Promise<void> {
  using to = owned(openTreeRoot(target));
  for (const layer of layers) {
    using from = owned(openTreeRoot(layer));
    await copyTree(from.fd, to.fd, { onto: clearTheWay, keepRoot: true });
  }
}

function openTreeRoot(path: string): number {
  const fd = openDirectory({ directory: AT.FDCWD, name: Buffer.from(path).toString("latin1") });
  if (fd >= 0) return fd;
  const advice = "bring the image in again, and make the container anew";
  throw new FathomError("internal", `${path} cannot be read: if it is a layer that is missing, ${advice}`);
}

/** What a layer has hides what the layers below have; two directories become one, unless the upper is opaque. */
function clearTheWay({ source, target, facts }: CopyEntry): boolean {
  const before = factsOf(target);
  if (before !== undefined && !(isDirectory(facts) && isDirectory(before))) removeAll(target);
  else if (before !== undefined && isOpaque(source)) empty(target);
  return !isWhiteout(facts);
}

const isDirectory = ({ mode }: Stat): boolean => (mode & S.IFMT) === S.IFDIR;

function empty(directory: At): void {
  const fd = openDirectory(directory);
  if (fd < 0) return;
  try {
    for (const name of namesIn(fd)) removeAll({ directory: fd, name });
  } finally {
    closeFd(fd);
  }
}

/** Mounts on which the owners of files appear as others: mount_setattr(2), "ID-mapped mounts". */

import { type Argument, bytes, named, text } from "./call.ts";
import { SyscallError } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, MOUNT_ATTR, MS, O, OPEN_TREE } from "./flags.ts";
import { moveMount } from "./mount.ts";
import { perform } from "./syscall.ts";

/**
 * Shows a directory at another, existing one, its files owned by those whom a user namespace maps their owners to; without one by
 * whom they are.
 * @throws {SyscallError} EINVAL, where the file system cannot do that.
 */
export function attachIdMapped(
  source: string,
  { target, userNamespace }: { target: string; userNamespace?: number },
): void {
  using clone = owned(
    perform({
      call: "open_tree",
      args: [
        named(AT.FDCWD, "AT_FDCWD"),
        text(source),
        named(OPEN_TREE.CLONE | O.CLOEXEC, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC"),
      ],
      what: `clone the mount of ${source}`,
    }),
  );
  const mount = named(clone.fd, `clone of ${source}`);
  if (userNamespace !== undefined) mapOwners(mount, source, userNamespace);
  moveMount(mount, target);
}

function mapOwners(mount: Argument, source: string, userNamespace: number): void {
  const attributes = new BigUint64Array([
    BigInt(MOUNT_ATTR.IDMAP),
    0n,
    BigInt(MS.PRIVATE),
    BigInt(userNamespace),
  ]);
  const shown = "{attr_set=MOUNT_ATTR_IDMAP, propagation=MS_PRIVATE, userns_fd=user namespace}";
  try {
    perform({
      call: "mount_setattr",
      args: [
        mount,
        text(""),
        named(AT.EMPTY_PATH, "AT_EMPTY_PATH"),
        bytes(new Uint8Array(attributes.buffer), shown),
        attributes.byteLength,
      ],
      what: `map the owners of ${source}`,
    });
  } catch (error) {
    if (!(error instanceof SyscallError) || error.code !== "EINVAL") throw error;
    throw new SyscallError(`${error.what} (its file system has no id-mapped mounts)`, error.errno);
  }
}

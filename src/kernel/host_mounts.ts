/** Mounts on the host that others asked for: a file system or directory by mount(2), and a place by its descriptor. */

import { named, text } from "./call.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, flags, MS, OPEN_TREE } from "./flags.ts";
import { moveMount } from "./mount.ts";
import { perform } from "./syscall.ts";

export interface HostMount {
  /** A device, a directory, `host:/path`, or any word where the type needs none. */
  source: string;
  target: string;
  /** As in /proc/filesystems; "none" for a bind. */
  type: string;
  /** Bits of MS. */
  flags: number;
  /** What the file system itself is told: `size=10m,uid=1000`. */
  data: string;
}

const CHANGES = MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.NOATIME | MS.NODIRATIME | MS.RELATIME;

/**
 * Mounts at a directory of the host. A bind takes attributes only in a second step (mount(2), MS_REMOUNT); where that fails
 * nothing stays mounted. The process waits as long as the file system does.
 * @throws {SyscallError}
 */
export function mountOnHost({ source, target, type, flags: how, data }: HostMount): void {
  const mount = (value: number, what: string): number =>
    perform({
      call: "mount",
      args: [text(source), text(target), text(type), flags("MS", MS, value), data === "" ? 0 : text(data)],
      what,
      see: `findmnt ${target}`,
    });
  mount(how, `mount ${source}:${target}`);
  if ((how & MS.BIND) === 0 || (how & CHANGES) === 0) return;
  try {
    mount(how | MS.REMOUNT, `set the options of ${target}`);
  } catch (error) {
    perform({ call: "umount2", args: [text(target), 0], may: "any", what: `unmount ${target}` });
    throw error;
  }
}

/**
 * Shows the place that a descriptor (O_PATH) names at `target` too, with what is mounted below it. A descriptor cannot be
 * exchanged for a symbolic link, as a path can.
 * @throws {SyscallError}
 */
export function bindDescriptor(fd: number, target: string): void {
  const clone = perform({
    call: "open_tree",
    args: [
      fd,
      text(""),
      named(
        OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.EMPTY_PATH | AT.RECURSIVE,
        "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE",
      ),
    ],
    what: `clone the mount for ${target}`,
  });
  using mount = owned(clone);
  moveMount(named(mount.fd, `fd ${mount.fd} (clone)`), target);
}

/** The errno's sentence as other programs write it (strerror(3)), for the few that a mount gives; else the error's own. */
export function mountFailure(error: unknown): string {
  if (!(error instanceof SyscallError)) return error instanceof Error ? error.message : String(error);
  return SENTENCES.get(error.errno) ?? error.message;
}

const SENTENCES: ReadonlyMap<number, string> = new Map([
  [ERRNO.ENOENT, "no such file or directory"],
  [ERRNO.EINVAL, "invalid argument"],
  [ERRNO.ENODEV, "no such device"],
  [ERRNO.ENOTBLK, "block device required"],
  [ERRNO.EPERM, "operation not permitted"],
  [ERRNO.EACCES, "permission denied"],
  [ERRNO.EBUSY, "device or resource busy"],
  [ERRNO.ENOTDIR, "not a directory"],
  [ERRNO.ECONNREFUSED, "connection refused"],
]);

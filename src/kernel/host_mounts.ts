/** Mounts on the host that others asked for: a file system or a directory, by mount(2). */

import { text } from "./call.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { flags, MS } from "./flags.ts";
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

/** Mounts on the host that others asked for: a file system or directory by mount(2), and a place by its descriptor. */

import { FathomError } from "../std/errors.ts";
import { type Call, named, result, stepOf, text } from "./call.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, flags, MS, OPEN_TREE } from "./flags.ts";
import { moveMount } from "./mount.ts";
import { exited, reap } from "./process.ts";
import { now, recording, report } from "./receipt.ts";
import { spawn } from "./spawn.ts";
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
export function mountOnHost(mount: HostMount): void {
  const { target, flags: how } = mount;
  perform(mountCall(mount, how));
  if ((how & MS.BIND) === 0 || (how & CHANGES) === 0) return;
  try {
    perform(mountCall(mount, how | MS.REMOUNT));
  } catch (error) {
    perform({ call: "umount2", args: [text(target), 0], may: "any", what: `unmount ${target}` });
    throw error;
  }
}

/**
 * The same by another process, while this one goes on: it takes minutes when a server is silent. Not for binds.
 * @throws {SyscallError}
 */
export function mountPatiently(mount: HostMount): Promise<void> {
  return performElsewhere(mountCall(mount, mount.flags));
}

function mountCall({ source, target, type, data }: HostMount, value: number): Call {
  return {
    call: "mount",
    args: [text(source), text(target), text(type), flags("MS", MS, value), data === "" ? 0 : text(data)],
    what: `mount ${source}:${target}`,
    see: `findmnt ${target}`,
  };
}

/** What an exit status has room for. */
const STATUSES = 256;

/** The process ends with the call's own answer, of which a status keeps the lower byte: an errno's negative, or 0. */
async function performElsewhere(call: Call): Promise<void> {
  const row: Call = { ...call, may: "any" };
  const end: Call = { call: "exit_group", args: [result(row, "the answer")], what: "tell how it went" };
  const at = now();
  // What it does is told below, once it is known how that went.
  const child = recording("daemon", IGNORE, () =>
    spawn([row, end], { namespaces: 0, memory: "copied", by: "daemon", keep: [], meanwhile: true }),
  );
  using pidfd = owned(child.pidfd);
  await exited(pidfd.fd);
  const ending = reap(child.pid);
  const what = call.what ?? call.call;
  if (ending === undefined || "signal" in ending)
    throw new FathomError("internal", `${what}: the process that did it was killed`);
  const answer = ending.exitCode === 0 ? 0 : ending.exitCode - STATUSES;
  report((by) => stepOf(call, { at, by, result: answer, ns: Number(now() - at) }));
  if (answer < 0) throw new SyscallError(what, -answer);
}

const IGNORE = (): void => undefined;

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

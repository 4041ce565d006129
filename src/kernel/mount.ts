/**
 * Mounts of the host: putting them in place, unmounting, and what is mounted. Overlays are in overlay.ts.
 *
 * Mounts inside a container are rows of its program, not these.
 */

import { realpathSync } from "node:fs";
import { named, text } from "./call.ts";
import { readControlFile } from "./control_file.ts";
import { AT, flags, MNT, MOVE_MOUNT } from "./flags.ts";
import { statAt } from "./stat.ts";
import { perform } from "./syscall.ts";

const AT_FDCWD = named(AT.FDCWD, "AT_FDCWD");

/** Puts a mount that has no place yet at `target`. For overlay.ts. */
export function moveMount(mount: ReturnType<typeof named>, target: string): void {
  perform({
    call: "move_mount",
    args: [
      mount,
      text(""),
      AT_FDCWD,
      text(target),
      named(MOVE_MOUNT.F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"),
    ],
    what: `mount ${target}`,
    see: `findmnt ${target}`,
  });
}

/**
 * Takes the topmost mount away from `path`; false where nothing is mounted or nothing is there.
 *
 * `detach` (MNT_DETACH) is for a mount that may be in use: it vanishes at once and is released when its last user is gone. It is
 * not quicker (0.07 ms both), so the default is the way that tells of a user that was forgotten. What takes long is an overlay
 * with fresh data, whose unmounting writes it out (15 ms for 20 MB) either way, unless it was mounted with `volatile`.
 * @throws {SyscallError} EBUSY without `detach`, when something uses it.
 */
export function unmount(path: string, options: { detach?: boolean } = {}): boolean {
  const how = MNT.NOFOLLOW | (options.detach ? MNT.DETACH : 0);
  const answer = perform({
    call: "umount2",
    args: [text(path), flags("MNT", MNT, how)],
    may: ["EINVAL", "ENOENT"],
    what: `unmount ${path}`,
  });
  return answer === 0;
}

/** Whether a mount is rooted at `path` (statx(2), STATX_ATTR_MOUNT_ROOT); false where nothing is there. */
export function isMounted(path: string): boolean {
  return statAt(AT.FDCWD, path)?.mountRoot ?? false;
}

/** A line of /proc/PID/mountinfo, proc_pid_mountinfo(5). */
export interface MountInfo {
  id: number;
  parent: number;
  /** `major:minor` of the file system. */
  device: string;
  /** The directory of the file system that is seen at the mount point. */
  root: string;
  mountPoint: string;
  options: string[];
  /** `shared:N`, `master:N`, … */
  propagation: string[];
  type: string;
  source: string;
  superOptions: string[];
}

/** The mounts of this process's namespace, in the order they were made. */
export function mountpoints(): MountInfo[] {
  return parseMountinfo(readControlFile("/proc/self/mountinfo") ?? "");
}

/**
 * The mount that holds a path, and its propagation (mount_namespaces(7)): whether mounts made in it are passed on, and whether
 * it gets those of another. Links are followed. @throws where nothing is at the path
 */
export function propagationOf(path: string): { mountPoint: string; shared: boolean; slave: boolean } {
  const real = realpathSync(path);
  const holds = ({ mountPoint }: MountInfo) =>
    mountPoint === "/" || real === mountPoint || real.startsWith(`${mountPoint}/`);
  let found: MountInfo | undefined;
  // Of several at one place the last covers the others.
  for (const mount of mountpoints().filter(holds))
    if (found === undefined || mount.mountPoint.length >= found.mountPoint.length) found = mount;
  const has = (kind: string) => found?.propagation.some((field) => field.startsWith(kind)) ?? false;
  return { mountPoint: found?.mountPoint ?? "/", shared: has("shared:"), slave: has("master:") };
}

/** Parses /proc/PID/mountinfo; a line that is cut short is left out. */
export function parseMountinfo(mountinfo: string): MountInfo[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [left, right] = line.split(" - ", 2);
    const [id, parent, device, root, mountPoint, options, ...propagation] = left?.split(" ") ?? [];
    const [type, source, superOptions] = right?.split(" ") ?? [];
    if (!device || !root || !mountPoint || !options || !type || source === undefined || !superOptions)
      return [];
    return {
      id: Number(id),
      parent: Number(parent),
      device,
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      options: options.split(","),
      propagation,
      type,
      source: unescapeOctal(source),
      superOptions: superOptions.split(","),
    };
  });
}

/** Space, tab, newline and backslash stand as three octal digits. Bytes above 127 stand as they are. */
function unescapeOctal(value: string): string {
  return value.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

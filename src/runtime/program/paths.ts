/**
 * Paths that a container must not see or change: those of procfs and sysfs that are about the host.
 *
 * All rows run before pivot_root, where /dev/null is the host's: a container's could be something else by then (CVE-2025-31133).
 * What is to be covered is opened first and covered by that descriptor. A path that is absent is nothing to protect; its rows
 * fail with ENOENT and then, for want of a descriptor, with EBADF.
 */

import { type Argument, type Call, type Errno, MOUNT_ATTR, O, result } from "../../kernel/mod.ts";
import { attachMount, changeMount, cloneMount, makeFileSystem } from "./attach.ts";
import type { ProgramContext } from "./context.ts";
import { openIn } from "./rows.ts";

const ABSENT: readonly Errno[] = ["ENOENT", "ENOTDIR"];
const UNOPENED: readonly Errno[] = ["EBADF"];

/** Covers a path of the root with an unwritable copy of itself and of all that is mounted below it. */
export function readonlyRows(root: Argument, paths: readonly string[]): Call[] {
  return paths.flatMap((path) => {
    const place = openIn(root, { path, flags: O.PATH, may: ABSENT });
    const fd = result(place, `fd of ${path}`);
    const clone = cloneMount({ fd }, { recursive: true, may: UNOPENED, what: `clone the mount of ${path}` });
    const change = { set: MOUNT_ATTR.RDONLY, recursive: true, may: UNOPENED, what: `make ${path} read-only` };
    return [
      place,
      ...clone.rows,
      ...changeMount(clone.fd, change),
      attachMount(clone.fd, fd, { may: UNOPENED, what: `cover ${path} with its read-only copy` }),
    ];
  });
}

/** Covers a file with /dev/null, a directory with an empty one. */
export function maskedRows(root: Argument, paths: readonly string[], { kinds }: ProgramContext): Call[] {
  return paths.flatMap((path) => {
    const kind = kinds.get(path);
    if (kind === "absent") return [];
    const place = openIn(root, { path, flags: O.PATH, may: ABSENT });
    const fd = result(place, `fd of ${path}`);
    // Where the kind is not known both are tried, and the kernel refuses the one that does not fit (EINVAL).
    const may: Errno[] = kind === undefined ? ["EBADF", "EINVAL"] : ["EBADF"];
    const asFile = kind === "directory" ? [] : nullRows(path, fd, may);
    const asDirectory = kind === "file" ? [] : emptyRows(path, fd, may);
    return [place, ...asFile, ...asDirectory];
  });
}

/** Read-only, or root in the container could change mode, owner and times of the host's own /dev/null by way of the masked path. */
function nullRows(path: string, place: Argument, may: readonly Errno[]): Call[] {
  const clone = cloneMount(
    { path: "/dev/null" },
    { recursive: false, what: "clone the mount of the host's /dev/null" },
  );
  const set = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOEXEC;
  const change = { set, recursive: false, what: "make the clone of /dev/null read-only" };
  return [
    ...clone.rows,
    ...changeMount(clone.fd, change),
    attachMount(clone.fd, place, { may, what: `mask ${path}` }),
  ];
}

function emptyRows(path: string, place: Argument, may: readonly Errno[]): Call[] {
  const attributes = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;
  const file = { type: "tmpfs", source: "tmpfs", data: ["size=0k", "nr_inodes=1"], attributes };
  const empty = makeFileSystem(file, `make an empty directory for ${path}`);
  return [...empty.rows, attachMount(empty.fd, place, { may, what: `mask ${path}` })];
}

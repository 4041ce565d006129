/**
 * A container's root file system as a descriptor, with what is mounted in it, for work on its files from outside.
 *
 * Of a container that runs it is the root of its own first process. Of one that does not, its mounts are put together in a mount
 * namespace that no process lives in: nobody else sees them, and they vanish with the last descriptor. Either way paths are to be
 * resolved below the descriptor (findInRoot), where no link and no `..` leads out. No process is started and nothing of the
 * container is loaded or run, whatever its files pretend to be (CVE-2019-14271).
 */

import { type At, type ByteString, createFile, factsOf, makeDirectory } from "./at.ts";
import { bytes, named, text } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { closeFd, openPath, owned } from "./file.ts";
import { AT, CLONE, flags, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE, S } from "./flags.ts";
import { statFd } from "./stat.ts";
import { check, perform, sys } from "./syscall.ts";
import { findInRoot } from "./tree.ts";

/** A root to look into; disposing it lets go of its mounts. */
export interface RootView extends Disposable {
  /** O_PATH descriptor. */
  readonly fd: number;
}

/** A directory or file of the host that is mounted into the root. */
export interface ViewMount {
  source: string;
  /** Resolved inside the root; made where it is missing. */
  target: string;
  readOnly: boolean;
}

/**
 * The root of a process; undefined when it has ended, or has another root than the one that is mounted at `root`: it may have
 * called chroot, or its number is another's by now.
 */
export function viewOfProcess(pid: number, root: string): RootView | undefined {
  const fd = sys("openat", AT.FDCWD, `/proc/${pid}/root`, O.PATH | O.DIRECTORY | O.CLOEXEC);
  if (fd < 0) return undefined;
  const [seen, expected] = [statFd(fd), factsOf({ directory: AT.FDCWD, name: root })];
  if (seen.dev === expected?.dev && seen.ino === expected.ino) return viewOf([fd]);
  closeFd(fd);
  return undefined;
}

/**
 * The root that is mounted at `root`, with `mounts` in it, in their order.
 * @throws {SyscallError} where a source is not there, or a target cannot be made.
 */
export function viewWithMounts(
  root: string,
  mounts: readonly ViewMount[],
  options: { readOnly: boolean },
): RootView {
  return inOwnMountNamespace(() => {
    using view = viewOf([openPath(root)]);
    for (const mount of mounts) putMount(view.fd, mount);
    if (options.readOnly) makeReadOnly(view.fd, { path: root, recursive: false });
    // The first descriptor still names the mount below those that were just made over it, were one of them at the root itself.
    return viewOf([openPath(root), openNamespace()]);
  });
}

function viewOf(fds: readonly [number, ...number[]]): RootView {
  return { fd: fds[0], [Symbol.dispose]: () => fds.forEach(closeFd) };
}

/**
 * Runs `work` in a new mount namespace and comes back. One synchronous block: no thread of the runtime is to see it, and those made
 * meanwhile would share this one's root, which setns(2) refuses to change; unsharing it once more mends that.
 */
function inOwnMountNamespace<T>(work: () => T): T {
  using back = owned(openNamespace());
  using root = owned(openPath("/"));
  using cwd = owned(openPath("."));
  perform({
    call: "unshare",
    args: [flags("CLONE", CLONE, CLONE.NEWNS | CLONE.FS)],
    what: "look into a container's root from a mount namespace that nobody else sees",
  });
  try {
    keepFromSpreading();
    return work();
  } finally {
    check(sys("unshare", CLONE.FS), "stop sharing the root with other threads");
    perform({
      call: "setns",
      args: [named(back.fd, "mount namespace"), flags("CLONE", CLONE, CLONE.NEWNS)],
      what: "go back to the own mount namespace",
    });
    check(sys("fchdir", root.fd), "go back to the own root");
    check(sys("chroot", "."), "go back to the own root");
    check(sys("fchdir", cwd.fd), "go back to the own directory");
  }
}

function openNamespace(): number {
  const fd = sys("openat", AT.FDCWD, "/proc/thread-self/ns/mnt", O.RDONLY | O.CLOEXEC);
  return check(fd, "open a mount namespace");
}

/** Else a mount made here would appear on the host too, where its mounts are shared. */
function keepFromSpreading(): void {
  perform({
    call: "mount",
    args: [text("none"), text("/"), 0, flags("MS", MS, MS.REC | MS.PRIVATE), 0],
    what: "keep mounts from spreading",
  });
}

function putMount(root: number, { source, target, readOnly }: ViewMount): void {
  const how = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.RECURSIVE;
  using clone = owned(
    perform({
      call: "open_tree",
      args: [
        named(AT.FDCWD, "AT_FDCWD"),
        text(source),
        named(how, "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE"),
      ],
      what: `clone the mount of ${source}`,
    }),
  );
  if (readOnly) makeReadOnly(clone.fd, { path: source, recursive: true });
  const isDirectory = (statFd(clone.fd).mode & S.IFMT) === S.IFDIR;
  using place = owned(placeInRoot(root, Buffer.from(target).toString("latin1"), isDirectory));
  perform({
    call: "move_mount",
    args: [
      named(clone.fd, `clone of ${source}`),
      text(""),
      named(place.fd, `fd of ${target}`),
      text(""),
      flags("MOVE_MOUNT", MOVE_MOUNT, MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH),
    ],
    what: `show ${source} at ${target}`,
  });
}

function makeReadOnly(fd: number, { path, recursive }: { path: string; recursive: boolean }): void {
  const attributes = new BigUint64Array([BigInt(MOUNT_ATTR.RDONLY), 0n, 0n, 0n]);
  perform({
    call: "mount_setattr",
    args: [
      named(fd, `mount of ${path}`),
      text(""),
      flags("AT", AT, AT.EMPTY_PATH | (recursive ? AT.RECURSIVE : 0)),
      bytes(new Uint8Array(attributes.buffer), "{attr_set=MOUNT_ATTR_RDONLY}"),
      attributes.byteLength,
    ],
    what: `show ${path} read-only`,
  });
}

/** A descriptor of a place in the root, which is made, with the directories above it, where nothing is. @throws {SyscallError} */
function placeInRoot(root: number, path: ByteString, isDirectory: boolean): number {
  const found = findInRoot(root, path, { follow: true });
  const slash = path.lastIndexOf("/");
  if (found !== -ERRNO.ENOENT || slash < 0) return check(found, `find ${path}`);
  using parent = owned(placeInRoot(root, path.slice(0, slash), true));
  makePlace({ directory: parent.fd, name: path.slice(slash + 1) }, isDirectory);
  return check(findInRoot(root, path, { follow: true }), `make ${path}`);
}

/** What is in the way is found by the look-up that follows. */
function makePlace(at: At, isDirectory: boolean): void {
  if (isDirectory) makeDirectory(at, 0o755);
  else {
    const fd = createFile(at);
    if (fd >= 0) closeFd(fd);
  }
}

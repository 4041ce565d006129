/**
 * The only door to the system.
 *
 * Owns: every system call with an effect — processes, namespaces, mounts, cgroups, devices, terminals — and the reporting of
 * each as a step of the receipt that is current (receipt.ts). Does not own: what to do with them; a caller decides which
 * mount goes where.
 *
 * A system call is data (call.ts) and is made in one of two ways: `perform` makes it here, `spawn` has a new process walk a
 * table of them. Descriptions, errors and receipts are the same for both.
 *
 * Invariants:
 * - No effect without a step: there is no other way to the kernel, and every function that has an effect reports it.
 * - A failure names what failed: `mount /proc: EPERM`, never a bare errno.
 * - No thread is made between entering a namespace and leaving it: such code is one synchronous block, or machine code.
 * - Descriptors are opened close-on-exec.
 */

export type { Owner } from "./_cgroup_delegate.ts";
export { ARCH, type Arch } from "./arch.ts";
export {
  type At,
  type ByteString,
  changeMode,
  changeOwner,
  createFile,
  factsOf,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  openDirectoryBeneath,
  openName,
  removeName,
  rename,
  setAttribute,
  setTimes,
} from "./at.ts";
export {
  createSubvolume,
  destroySubvolume,
  isBtrfs,
  isSubvolume,
  limitSubvolume,
  snapshotSubvolume,
} from "./btrfs.ts";
export { type Argument, bytes, type Call, describe, named, result, text, texts } from "./call.ts";
export { Cgroup, cgroupLayout, createCgroup, openCgroup, removeEmptyCgroup, removeStrays } from "./cgroup.ts";
export type { CgroupLayout, Hierarchy } from "./cgroup_layout.ts";
export { cgroupSupport } from "./cgroup_support.ts";
export { readControlFile } from "./control_file.ts";
export { type CopyEntry, copyOwnFacts, copyTree } from "./copy_tree.ts";
export { attributesOf, linkTarget, namesIn } from "./directory.ts";
export { ERRNO, type Errno, errnoName, SyscallError } from "./errno.ts";
export { closeFd, openInRoot, openPath, owned, readFileInRoot } from "./file.ts";
export * from "./flags.ts";
export { bindDescriptor, type HostMount, mountFailure, mountOnHost, mountPatiently } from "./host_mounts.ts";
export { attachIdMapped } from "./id_mapped.ts";
export { initProgram } from "./init_program.ts";
export { lockFile } from "./lock.ts";
export { isMounted, mountpoints, propagationOf, unmount } from "./mount.ts";
export { watchOom } from "./oom.ts";
export { mountOverlay, probeOverlay } from "./overlay.ts";
export {
  beginInPidNamespace,
  type Ending,
  exited,
  type Program,
  pidfdOpen,
  reap,
  sendSignal,
  setSubreaper,
  spawnProgram,
} from "./process.ts";
export {
  type ConsoleSocket,
  giveDescriptor,
  listenConsoleSocket,
  receiveDescriptor,
  sendDescriptor,
  setWindowSize,
  socketPair,
  TTY,
  windowSize,
} from "./pty.ts";
export { limitProject, projectOf, projectQuota, setProject } from "./quota.ts";
export { pipe, readable, setNonBlocking, writeAll } from "./ready.ts";
export { now, recording } from "./receipt.ts";
export { type Begun, beginSpawn, type Child, type SpawnOptions, spawn } from "./spawn.ts";
export { spreadBelow } from "./spread.ts";
export { device, majorMinor, type Stat, statFd } from "./stat.ts";
export { type Successor, successor } from "./successor.ts";
export { check, sys } from "./syscall.ts";
export {
  findInRoot,
  isReadOnly,
  openDirectory,
  openFile,
  readAt,
  removeAll,
} from "./tree.ts";
export { bytesBelow } from "./usage.ts";
export { makeUserNamespace, ownerOf } from "./user_namespace.ts";
export { type RootView, type ViewMount, viewOfProcess, viewWithMounts } from "./view.ts";

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
 * - No thread is made between entering a namespace and leaving it: such code is one synchronous block.
 * - Descriptors are opened close-on-exec.
 */

export { ARCH, type Arch, NR, type SyscallName } from "./arch.ts";
export { type Argument, bytes, type Call, describe, named, result, stepOf, text, texts } from "./call.ts";
export { Cgroup, cgroupLayout, createCgroup, type Entrance, openCgroup } from "./cgroup.ts";
export { type CgroupLayout, type Hierarchy, parseCgroupLayout } from "./cgroup_layout.ts";
export { readControlFile, writeControlFile } from "./control_file.ts";
export { ERRNO, type Errno, errnoName, SyscallError } from "./errno.ts";
export {
  chownAt,
  closeFd,
  copyRange,
  type Directory,
  type How,
  linkAt,
  mkdirAt,
  mknodAt,
  openBeneath,
  openInRoot,
  openPath,
  owned,
  type Place,
  readFileInRoot,
  setTimesAt,
  setXattr,
  symlinkAt,
  unlinkAt,
} from "./file.ts";
export * from "./flags.ts";
export {
  type BindOptions,
  isMounted,
  type MountInfo,
  mountBind,
  mountpoints,
  mountTmpfs,
  parseMountinfo,
  type TmpfsOptions,
  unmount,
} from "./mount.ts";
export { NAMESPACE, newNetworkNamespace, openNamespace, removeNetworkNamespace } from "./namespaces.ts";
export { mountOverlay, type Overlay } from "./overlay.ts";
export {
  type Ending,
  exited,
  type Program,
  type ProgramOptions,
  pidfdOpen,
  processStartTime,
  reap,
  type Stdio,
  sendSignal,
  setDumpable,
  setSubreaper,
  spawnInPidNamespace,
  spawnProgram,
} from "./process.ts";
export {
  type ConsoleSocket,
  listenConsoleSocket,
  openPty,
  type Pty,
  receiveDescriptor,
  sendDescriptor,
  setWindowSize,
  socketPair,
  TTY,
  windowSize,
} from "./pty.ts";
export { type Pipe, pipe, readable, readStream, setNonBlocking, writable, writeAll } from "./ready.ts";
export { now, recording, report, type Sink } from "./receipt.ts";
export { type Child, type SpawnOptions, spawn } from "./spawn.ts";
export { device, majorMinor, type Stat, statAt, statFd } from "./stat.ts";
export { check, perform, sys } from "./syscall.ts";

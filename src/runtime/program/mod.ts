/**
 * OCI configurations as tables of system calls.
 *
 * Owns: which calls make a container, in which order, with which arguments. Does not own: running them (the kernel door does),
 * nor finding out about the host (native.ts does, and hands it in as the context).
 *
 * Invariants:
 * - Everything here is pure: no call is made, no file read.
 * - A row that may fail says with which errnos; any other failure ends the process and names the row.
 * - Paths of the container are opened beneath its root and used by descriptor from then on.
 */

export { cgroupOwner } from "./cgroup_owner.ts";
export { containerProgram, rootFailure } from "./container.ts";
export type { Gates, HostFacts, PathKind, ProgramContext, ProgramStreams } from "./context.ts";
export { deviceRules, devicesOf } from "./devices.ts";
export { isExecuteFailure, programPaths } from "./entry.ts";
export { execProgram } from "./exec.ts";
export { PASS_BYTES } from "./gates.ts";
export { hookProgram } from "./hooks.ts";
export { RLIMITS } from "./limits.ts";
export { newNamespaces, sharesMemory } from "./namespaces.ts";
export { hasUserNamespace, hostId } from "./user_namespace.ts";
export { workingDirectoryFailure } from "./working_directory.ts";

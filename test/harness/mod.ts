/**
 * What the integration and conformance tests share.
 *
 * Owns: private engines (engine.ts), programs run with a time limit (program.ts) or in a terminal (terminal.ts), small images
 * (image.ts), and the search for what was left behind (leaks.ts). Does not own any expectation about an engine's behaviour.
 *
 * Invariants:
 * - Everything lies under one directory /tmp/fathom-test-…; nothing of the host's own engines is touched.
 * - Processes are ended by the number they were started with.
 * - An engine that is disposed of has left no mount, cgroup or process behind, or the test fails.
 */

export { ENGINE_UNDER_TEST, type Engine, FATHOM, startDocker, startEngine, startFathom } from "./engine.ts";
export { answering, corrupted, cutAfter, type FaultProxy, startFaultProxy } from "./fault_proxy.ts";
export { busyboxArchive, type Entry, tarOf } from "./image.ts";
export { type Disk, loopDisk } from "./loop_disk.ts";
export { type Result, run } from "./program.ts";
export { makeCertificates, type Registry, startRegistry } from "./registry.ts";
export type { Terminal } from "./terminal.ts";
export { REFRESH_TOKEN, startTokenServer, type TokenServer, USER } from "./token_server.ts";
export { runInVm, type Sections, VM_LIMIT_MS, vmUnavailable } from "./vm.ts";
export { eventually } from "./wait.ts";

/**
 * Runs OCI bundles: containers and further programs in them.
 *
 * Owns: the way from an OCI configuration to a running process (program/ turns it into a table of system calls, native.ts has a
 * new process run the table), the same by other runtimes (adapter.ts), and the sentence a user reads when a program cannot be
 * executed. The contract is in runtime.ts. Does not own: the root file system and its mounts on the host, networks, streams,
 * logs, and the waiting for the end.
 *
 * Invariants:
 * - No code of this engine runs in a container: its first process makes the system calls of the table and then is the program.
 * - A mount target is resolved inside the root, whatever symbolic links an image has placed there.
 * - No descriptor of the host is open in the program but its three streams.
 * - Whatever fails, no process, cgroup or mount is left.
 */

import type { Runtime } from "./runtime.ts";

/**
 * A runtime by its name: `native`, or the path or name of another one's program.
 * @throws {FathomError} unsupported, when that program is not installed.
 */
export async function runtimeFor(name: string): Promise<Runtime> {
  if (name === "native") return (await import("./native.ts")).native;
  return (await import("./adapter.ts")).adapterFor(name);
}

/**
 * Makes the native runtime ready, so that its first start is as fast as later ones. For a process that waits; it takes some tens
 * of milliseconds in small pieces, has no effect, and ends early when `signal` is aborted.
 */
export async function warmUp(signal: AbortSignal): Promise<void> {
  const [module] = await Promise.all([import("./warm_up.ts"), import("./native.ts")]);
  await module.warmUp(signal);
}

/**
 * The shim: the process beside each container that is its parent, and how the daemon speaks to it.
 *
 * Owns: a container's streams from its program to the log file and to whoever is attached; its exit record; its execs; the
 * protocol between daemon and shim, and the shim that is kept ready. Does not own: how a container is made (runtime), what its
 * log looks like (logs), or what its state means to the user (container).
 *
 * Two processes meet here. `main.ts` is the shim's own role; `client.ts` is what the daemon holds; `protocol.ts` is all they
 * share.
 *
 * Invariants:
 * - Output does not pass through the daemon, and its death costs no line of it.
 * - The log is complete before the exit record is written, and that is on disk before anybody is told.
 * - A shim without a container ends with its daemon; one with a container ends after it.
 * - A shim serves one container after another; of one that has ended nothing is left when the next begins, and what was meant
 *   for it and comes late is refused.
 * - A shim whose container is quiet holds less than 2 MB of memory of its own, and nobody notices that it dozes.
 * - A container whose start failed leaves no process, no cgroup and no exit record.
 */

export { type ShimPool, type ShimsOptions, shims } from "./client.ts";

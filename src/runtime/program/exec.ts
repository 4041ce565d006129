/** The program of a further process in a running container. */

import { type Argument, type Call, CLONE, flags, named, O, result, text } from "../../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { cgroupRows, SESSION_KEYRING } from "./container.ts";
import type { HostFacts, ProgramStreams } from "./context.ts";
import { entryRows } from "./entry.ts";
import { NAMESPACE_FLAG } from "./namespaces.ts";
import { AT_FDCWD, prctl } from "./rows.ts";
import { processSettingRows } from "./settings.ts";
import { controllingRows, descriptorRows, ownerRows, SESSION, terminalRows } from "./terminal.ts";
import { BECOME_ROOT, hasUserNamespace, privilegedRows, withoutPrivileged } from "./user_namespace.ts";

export interface ExecContext {
  /** A descriptor of the container's first process. */
  pidfd: number;
  streams: ProgramStreams;
  /** cgroup v1: descriptors of cgroup.procs to write "0" to. */
  procs: readonly number[];
  home: string;
  host: HostFacts;
}

/**
 * The system calls that make a process, born in the container's PID namespace with memory of its own, one of the container's.
 *
 * Processes of the container see it from its first instant. It is not dumpable, and the descriptors it has from the shim are
 * those that the rows need, each of which is used before, or leads nowhere that the container could not go itself.
 */
export function execProgram(process: Process, config: RuntimeConfig, context: ExecContext): Call[] {
  const { streams, host, home } = context;
  const root = openRoot();
  const fd = result(root, "root");
  const terminal = "socket" in streams ? terminalRows({ root: fd }, streams) : undefined;
  const confined = hasUserNamespace(config);
  return [
    prctl("SET_DUMPABLE", [0], "let nobody trace this process"),
    ...(confined ? privilegedRows({ ...config, process }, context) : []),
    ...cgroupRows(context.procs),
    SESSION_KEYRING,
    ...("descriptors" in streams ? descriptorRows(streams) : []),
    joinRow(config, context.pidfd),
    ...(confined ? BECOME_ROOT : []),
    root,
    ...(terminal?.rows ?? []),
    ...(confined ? [] : processSettingRows(process, host)),
    SESSION,
    ...(terminal ? controllingRows(terminal.fd) : []),
    ...(confined && "descriptors" in streams ? [] : ownerRows(streams, process.user.uid)),
    ...entryRows({
      process: confined ? withoutPrivileged(process) : process,
      ...(config.linux.seccomp && { seccomp: config.linux.seccomp }),
      root: fd,
      home,
      host,
    }),
  ];
}

/** Enters all of the container's namespaces at once; with the mount namespace the process gets its root. */
function joinRow(config: RuntimeConfig, pidfd: number): Call {
  const wanted = config.linux.namespaces.filter(({ type }) => type !== "pid");
  const sum = wanted.reduce((all, { type }) => all + NAMESPACE_FLAG[type], 0);
  const container: Argument = named(pidfd, "pidfd of the container");
  return {
    call: "setns",
    args: [container, flags("CLONE", CLONE, sum)],
    what: "join the container's namespaces",
    see: "ls -l /proc/PID/ns",
  };
}

function openRoot(): Call {
  return {
    call: "openat",
    args: [AT_FDCWD, text("/"), named(O.PATH | O.CLOEXEC, "O_PATH|O_CLOEXEC")],
    what: "open the root",
  };
}

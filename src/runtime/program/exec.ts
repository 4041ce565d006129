/** The program of a further process in a running container. */

import {
  type Argument,
  type Call,
  CLONE,
  flags,
  named,
  O,
  result,
  type Successor,
  successor,
  text,
} from "../../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { cgroupRows, SESSION_KEYRING } from "./container.ts";
import type { HostFacts, ProgramStreams } from "./context.ts";
import { entryRows } from "./entry.ts";
import { NAMESPACE_FLAG } from "./namespaces.ts";
import { inheritedRows } from "./personality.ts";
import { AT_FDCWD, prctl } from "./rows.ts";
import { filtered } from "./seccomp.ts";
import {
  controlRow,
  descriptorRows,
  keepRow,
  ownerRows,
  SESSION,
  streamRows,
  terminalRows,
} from "./terminal.ts";
import { BECOME_ROOT, hasUserNamespace, privilegedRows, withoutPrivileged } from "./user_namespace.ts";

export interface ExecContext {
  /** A descriptor of the container's first process. */
  pidfd: number;
  streams: ProgramStreams;
  /** cgroup v1: descriptors of cgroup.procs to write "0" to. */
  procs: readonly number[];
  home: string;
  host: HostFacts;
  /** What the container's seccomp profile compiles to. */
  filter?: Uint8Array | undefined;
}

/**
 * The system calls that make a process one of the container's.
 *
 * Processes of the container see whatever is in their PID namespace, and with CAP_SYS_PTRACE may look into it and trace it: at the
 * host's root, by way of a process that is on its way in (CVE-2016-9962). So the program begins outside, where they see nothing of
 * it, goes in, closes what it has of the host, and becomes the user it is to be; only then it makes the process that is born in
 * their PID namespace, which lacks nothing but the filter, and executes.
 */
export function execProgram(
  process: Process,
  config: RuntimeConfig,
  context: ExecContext,
): { rows: Call[]; successor: Successor } {
  const { streams, host, home } = context;
  const root = openRoot();
  const fd = result(root, "root");
  const terminal = "socket" in streams ? terminalRows({ root: fd }, streams) : undefined;
  const confined = hasUserNamespace(config);
  const made = successor({ namespaces: 0 });
  const rows = [
    prctl("SET_DUMPABLE", [0], "let nobody trace this process"),
    ...inheritedRows(config.linux, process),
    ...privilegedRows({ ...config, process }, context),
    ...cgroupRows(context.procs),
    SESSION_KEYRING,
    ...("descriptors" in streams ? descriptorRows(streams) : []),
    enterContainer(config, context.pidfd),
    ...(confined ? BECOME_ROOT : []),
    root,
    ...(terminal ? [...terminal.rows, ...streamRows(terminal.fd)] : []),
    ...(confined && "descriptors" in streams ? [] : ownerRows(streams, process.user.uid)),
    ...entryRows({
      process: withoutPrivileged(process),
      seccomp: filtered(config.linux.seccomp, context.filter),
      root: fd,
      home,
      host,
      handover: [
        CLOSE_ALL,
        made.birth,
        made.parting,
        keepRow(0),
        SESSION,
        ...(terminal ? [controlRow(0)] : []),
      ],
    }),
  ];
  return { rows, successor: made };
}

/** A descriptor that is closed at execve is still open in the process that goes on. */
const CLOSE_ALL: Call = {
  call: "close_range",
  args: [3, named(0xffff_ffff, "~0U"), 0],
  what: "keep nothing of the host",
};

/** Enters all of a container's namespaces at once, its user namespace included; with the mount namespace the process gets its root. */
export function enterContainer(config: RuntimeConfig, pidfd: number): Call {
  const wanted = config.linux.namespaces.filter(({ type }) => type !== "pid");
  // Of the PID namespace also where the container has the host's or another's: it is the one that its first process is in.
  const sum = wanted.reduce<number>((all, { type }) => all + NAMESPACE_FLAG[type], CLONE.NEWPID);
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

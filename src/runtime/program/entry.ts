/** The last rows: from a process that may do anything to the program that may do what its configuration says. */

import { type Argument, type Call, type Errno, named, text, texts } from "../../kernel/mod.ts";
import type { Process } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { HostFacts } from "./context.ts";
import { capabilitySets, capsetRow, identityRows, needsAdmin } from "./identity.ts";
import { limitRows, openFilesRows } from "./limits.ts";
import { prctl } from "./rows.ts";
import { type Filtered, seccompRows } from "./seccomp.ts";
import { keepRow } from "./terminal.ts";
import { workingDirectoryRows } from "./working_directory.ts";

export interface Entry {
  process: Process;
  seccomp?: Filtered | undefined;
  /** A descriptor of the container's root. */
  root: Argument;
  home: string;
  host: HostFacts;
  /** How many descriptors from 3 on it is to have beside its streams. */
  preserved?: number | undefined;
  /** Rows by which another process takes over, who can do no more than the program and has only its streams. */
  handover?: readonly Call[];
}

/**
 * Limits, identity, working directory, seccomp filter, program: in this order.
 *
 * The filter comes as late as it can, so that a profile need not allow what the rows before it do. The kernel takes a filter
 * only from a process that cannot gain privileges or that has CAP_SYS_ADMIN; where the program has neither, it keeps that
 * capability until then, and one capset follows the filter.
 */
export function entryRows({ process, seccomp, root, home, host, preserved, handover = [] }: Entry): Call[] {
  const keepAdmin = seccomp !== undefined && needsAdmin(process, host);
  return [
    ...limitRows(process.rlimits ?? [], host),
    ...identityRows(process, host, { keepAdmin }),
    ...workingDirectoryRows(root, process.cwd),
    ...openFilesRows(process.rlimits ?? [], host),
    umaskRow(process.user.umask ?? 0o022),
    ...keptRows(preserved ?? 0),
    ...handover,
    ...(process.noNewPrivileges === true
      ? [prctl("SET_NO_NEW_PRIVS", [1, 0, 0, 0], "forbid gaining privileges")]
      : []),
    ...seccompRows(seccomp),
    ...(keepAdmin ? [capsetRow(capabilitySets(process.capabilities, host), 0n)] : []),
    ...executeRows(process, home),
  ];
}

/** Without a mask until here, so that modes are those that were asked for. */
export function umaskRow(mask: number): Call {
  return { call: "umask", args: [named(mask, `0${mask.toString(8)}`)], what: `set the file mode mask` };
}

const CLOSE_RANGE_CLOEXEC = 4;
/** Behind standard input, output and error. */
const FIRST_CLOSED = 3;

/** Whatever was opened on the way ends at execve. */
function keptRows(preserved: number): Call[] {
  const first = FIRST_CLOSED + preserved;
  const close: Call = {
    call: "close_range",
    args: [first, named(0xffff_ffff, "~0U"), named(CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC")],
    what: "let no other descriptor into the program",
    see: "ls -l /proc/PID/fd",
  };
  return [...Array.from({ length: preserved }, (_, index) => keepRow(FIRST_CLOSED + index)), close];
}

/** Answers upon which a shell looks in the next directory. */
const NOT_THERE: readonly Errno[] = ["ENOENT", "ENOTDIR", "EACCES"];

/** One execve for each place where the program may be; the last must not fail. */
function executeRows({ args, env }: Process, home: string): Call[] {
  const candidates = programPaths(args, env);
  if (candidates.length === 0)
    throw new FathomError("invalid", `exec: ${JSON.stringify(args[0])}: executable file not found in $PATH`);
  const argv = texts(args);
  const environment = texts(env.some((entry) => entry.startsWith("HOME=")) ? env : [...env, `HOME=${home}`]);
  return candidates.map(
    (path, index): Call => ({
      call: "execve",
      args: [text(path), argv, environment],
      ...(index < candidates.length - 1 && { may: NOT_THERE }),
      what: EXECUTE + path,
      see: "tr '\\0' ' ' < /proc/PID/cmdline",
    }),
  );
}

const EXECUTE = "execute ";

/** Whether an error of spawn came from an execve row. */
export function isExecuteFailure(message: string): boolean {
  return message.startsWith(EXECUTE);
}

const DEFAULT_PATH = "/bin:/usr/bin";

/**
 * Where a program may be: its name if that has a slash, else each directory of PATH. An empty one, which means the working
 * directory to a shell, is left out: a program is not to be found by accident of where it is started. Without a PATH it is
 * looked for where execvp(3) does.
 * @throws {FathomError} invalid, when no program is named.
 */
export function programPaths(args: readonly string[], env: readonly string[]): string[] {
  const [name] = args;
  if (name === undefined || name === "") throw new FathomError("invalid", "no command specified");
  if (name.includes("/")) return [name];
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  const directories = path.split(":").filter((directory) => directory.startsWith("/"));
  return directories.map((directory) => `${directory.replace(/\/+$/, "")}/${name}`);
}

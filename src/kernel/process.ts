/**
 * Processes: other programs, signals, ends, and entering a container's PID namespace.
 *
 * A process is held by a pidfd wherever it can be: a number may be given to another process once its owner was reaped.
 */

import { constants } from "node:os";
import { type Call, named, stepOf, text, texts } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { untilEinval } from "./ready.ts";
import { now, report } from "./receipt.ts";
import { type Begun, beginSpawn, type SpawnOptions } from "./spawn.ts";
import { check, perform, sys } from "./syscall.ts";

export interface ProgramOptions {
  /** Descriptors for standard input, output and error; `"ignore"` is /dev/null, `"pipe"` a pipe to this process. */
  stdio?: [Stdio | Blob, Stdio, Stdio];
  /** The whole environment; nothing of this process's own is added. */
  env: Record<string, string>;
  cwd?: string;
  /** In a session of its own, so that it outlives this process and its terminal. */
  detached?: boolean;
  /** What it is for, in the receipt. */
  what?: string;
}

export type Stdio = number | "ignore" | "pipe";

/** Another program at work. */
export interface Program {
  readonly pid: number;
  /** Its exit status, or 128 + the signal that ended it. */
  readonly exited: Promise<number>;
  /** What it writes, where stdio says "pipe". */
  readonly stdout: ReadableStream<Uint8Array> | undefined;
  readonly stderr: ReadableStream<Uint8Array> | undefined;
  /** Gives it input, where stdio says "pipe"; resolves when it can take more, to false once it takes none any more. */
  write(bytes: Uint8Array): Promise<boolean>;
  endInput(): Promise<void>;
  kill(signal: number): void;
  /** Lets this process end before the program does. */
  unref(): void;
}

/**
 * Runs another program, `command[0]` being its path or a name to be looked up in `env.PATH`. One step: `execve`.
 * @throws {Error} with code ENOENT where there is no such program.
 */
export function spawnProgram(command: readonly string[], options: ProgramOptions): Program {
  const at = now();
  const child = Bun.spawn([...command], {
    stdio: options.stdio ?? ["ignore", "ignore", "ignore"],
    env: options.env,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.detached !== undefined && { detached: options.detached }),
  });
  const ns = Number(now() - at);
  report((by) => stepOf(programCall(command, options), { at, by, result: 0, ns }));
  return {
    pid: child.pid,
    exited: child.exited.then((code) =>
      typeof child.signalCode === "string" ? signalStatus(child.signalCode) : code,
    ),
    stdout: child.stdout instanceof ReadableStream ? child.stdout : undefined,
    stderr: child.stderr instanceof ReadableStream ? child.stderr : undefined,
    write: async (bytes) => {
      const input = inputOf(child);
      input.write(bytes);
      return settled(() => input.flush());
    },
    endInput: async () => void (await settled(() => inputOf(child).end())),
    kill: (signal) => child.kill(signal),
    unref: () => child.unref(),
  };
}

function inputOf({ stdin }: Bun.Subprocess): Bun.FileSink {
  if (typeof stdin === "object") return stdin;
  throw new Error("the program was given no pipe to read from");
}

/** False when the other end of the pipe has gone. */
async function settled(write: () => number | Promise<number>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EPIPE") return false;
    throw error;
  }
}

function programCall(command: readonly string[], options: ProgramOptions): Call {
  const environment = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  return {
    call: "execve",
    args: [text(command[0] ?? ""), texts(command), named(0, `${environment.length} variables`)],
    what: options.what ?? `run ${command[0]}`,
    see: "ps -o pid,args",
  };
}

/** The exit status a shell gives a program that a signal ended. */
function signalStatus(name: NodeJS.Signals): number {
  return 128 + constants.signals[name];
}

/** A non-blocking, close-on-exec descriptor of a process; undefined when there is no such process. @throws {SyscallError} */
export function pidfdOpen(pid: number): number | undefined {
  const fd = sys("pidfd_open", pid, O.NONBLOCK);
  return fd === -ERRNO.ESRCH ? undefined : check(fd, `open process ${pid}`);
}

/** Sends a signal; false when the process has ended. @throws {SyscallError} */
export function sendSignal(pidfd: number, signal: number): boolean {
  const answer = perform({
    call: "pidfd_send_signal",
    args: [named(pidfd, "process"), signal, 0, 0],
    may: ["ESRCH"],
    what: `send signal ${signal}`,
  });
  return answer === 0;
}

/** Resolves when the process has ended, reaped or not; the descriptor stays the caller's and must stay open until then. */
export function exited(pidfd: number): Promise<void> {
  return untilEinval(pidfd);
}

/** How a process ended. */
export type Ending = { exitCode: number } | { signal: number };

/**
 * Takes a child's status away from the kernel, after `exited`; undefined when it still runs or is no child of this process.
 * Never for a program of `spawnProgram`, whose status the runtime takes.
 */
export function reap(pid: number): Ending | undefined {
  const status = new Int32Array(1);
  if (sys("wait4", pid, status, WNOHANG, 0) !== pid) return undefined;
  const word = status[0] ?? 0;
  const signal = word & 0x7f;
  return signal === 0 ? { exitCode: (word >> 8) & 0xff } : { signal };
}

const WNOHANG = 1;

const PR_SET_CHILD_SUBREAPER = 36;

/** Makes this process the parent of its descendants' orphans. */
export function setSubreaper(): void {
  perform({
    call: "prctl",
    args: [named(PR_SET_CHILD_SUBREAPER, "PR_SET_CHILD_SUBREAPER"), 1],
    what: "adopt orphans of the container",
  });
}

/**
 * `beginSpawn` with the child born in a PID namespace that exists. Memory is always copied: processes that live there could reach
 * this one through a child that shares it.
 * @throws {SyscallError}
 */
export function beginInPidNamespace(
  pidNamespace: number,
  program: readonly Call[],
  options: Omit<SpawnOptions, "memory">,
): Begun {
  const own = sys("openat", AT.FDCWD, "/proc/thread-self/ns/pid_for_children", O.RDONLY | O.CLOEXEC);
  using back = owned(check(own, "open this process's own PID namespace"));
  return beginSpawn(program, {
    ...options,
    memory: "copied",
    pidNamespace: { enter: pidNamespace, own: back.fd },
  });
}

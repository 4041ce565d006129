/** Running this process's own program anew, in this process. */

import { type Call, stepOf, text, texts } from "./call.ts";
import { AT } from "./flags.ts";
import { now, report } from "./receipt.ts";
import { check, perform, sys } from "./syscall.ts";

export interface Replacement {
  /** Descriptors that stay open, by the same numbers; all others of ours are close-on-exec. */
  keep: readonly number[];
  /** Signals that are ignored from now on: a handler does not outlive an execve(2), and the default of most is to end. */
  ignore: readonly number[];
  environment: readonly string[];
}

/** Leads to the very file this process runs, whatever stands by its name today: proc_pid_exe(5). */
const SELF = "/proc/self/exe";
const PATH_MAX = 4096;

/** The path of that file, since ps(1) shows its last part; the link itself where a newer version has taken its place. */
function ownProgram(): string {
  const buffer = new Uint8Array(PATH_MAX);
  const length = check(sys("readlinkat", AT.FDCWD, SELF, buffer, buffer.length), `read ${SELF}`);
  const path = new TextDecoder().decode(buffer.subarray(0, length));
  return path.endsWith(" (deleted)") ? SELF : path;
}

/**
 * Replaces what this process runs by its own program with other arguments: it keeps its PID and its children, and starts with empty
 * memory. Returns only by throwing, and then everything is as it was.
 * @throws {SyscallError}
 */
export function replaceProcess(argv: readonly string[], { keep, ignore, environment }: Replacement): never {
  using undo = new DisposableStack();
  for (const fd of keep) undo.use(inheritable(fd));
  for (const signal of ignore) undo.use(ignored(signal));
  const call: Call = {
    call: "execve",
    args: [text(ownProgram()), texts(argv), texts(environment)],
    what: "run this program anew",
    see: "ps -o pid,args",
  };
  // Nobody is left to report a success afterwards; a failure reports itself, too.
  report((by) => stepOf(call, { at: now(), by, result: 0 }));
  perform(call);
  throw new Error("execve has returned");
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

function inheritable(fd: number): Disposable {
  const set = (flags: number): void => void check(sys("fcntl", fd, F_SETFD, flags), `keep descriptor ${fd}`);
  set(0);
  return { [Symbol.dispose]: () => set(FD_CLOEXEC) };
}

/** The kernel's struct sigaction: handler, flags, restorer and mask, of 8 bytes each. */
const ACTION_WORDS = 4;
const MASK_SIZE = 8;
const SIG_IGN = 1n;

function ignored(signal: number): Disposable {
  const before = new BigUint64Array(new ArrayBuffer(ACTION_WORDS * 8));
  const ignore = new BigUint64Array(new ArrayBuffer(ACTION_WORDS * 8));
  ignore[0] = SIG_IGN;
  check(sys("rt_sigaction", signal, ignore, before, MASK_SIZE), `ignore signal ${signal}`);
  return {
    [Symbol.dispose]: () =>
      void check(sys("rt_sigaction", signal, before, 0, MASK_SIZE), "handle a signal again"),
  };
}

/** The descriptors between the shim and a program: three pipes, or a terminal. */

import { constants, openSync } from "node:fs";
import { closeFd } from "../kernel/file.ts";
import { pipe, setNonBlocking } from "../kernel/ready.ts";
import { check, sys } from "../kernel/syscall.ts";
import type { Started, Stdio, Streams } from "../runtime/runtime.ts";
import { FathomError } from "../std/errors.ts";

const F_DUPFD_CLOEXEC = 1030;

/** The shim's ends: non-blocking, close-on-exec. Absent are those that the program has closed. */
export interface OwnEnds {
  /** Absent too where the program's input is /dev/null. */
  stdin?: number;
  /** A terminal carries both outputs. */
  stdout?: number;
  stderr?: number;
}

/** Both ends of a program's pipes. Disposing closes the program's; the shim's too, unless `keep` was called. */
interface Pipes extends Disposable {
  program: Streams;
  keep(): OwnEnds;
}

/** Makes the pipes of a program without a terminal. @throws {SyscallError} */
function makePipes(openStdin: boolean): Pipes {
  using undo = new DisposableStack();
  using own = new DisposableStack();
  const input = openStdin ? pipe() : undefined;
  const stdin = input?.read ?? openSync("/dev/null", constants.O_RDONLY);
  undo.defer(() => closeFd(stdin));
  if (input !== undefined) own.defer(() => closeFd(input.write));
  const [stdout, stderr] = [pipe(), pipe()];
  for (const end of [stdout, stderr]) {
    undo.defer(() => closeFd(end.write));
    own.defer(() => closeFd(end.read));
    setNonBlocking(end.read, true);
  }
  if (input !== undefined) setNonBlocking(input.write, true);
  const ends = { stdout: stdout.read, stderr: stderr.read, ...(input && { stdin: input.write }) };
  const ownEnds = own.move();
  undo.defer(() => ownEnds.dispose());
  const all = undo.move();
  return {
    program: { stdin, stdout: stdout.write, stderr: stderr.write },
    keep: () => {
      ownEnds.move();
      return ends;
    },
    [Symbol.dispose]: () => all.dispose(),
  };
}

/** The shim's ends of a terminal. Input has a descriptor of its own, as each end is closed by who uses it. */
function terminalEnds(master: number, openStdin: boolean): OwnEnds {
  if (!openStdin) return { stdout: master };
  return {
    stdout: master,
    stdin: check(sys("fcntl", master, F_DUPFD_CLOEXEC, 0), "copy a terminal's descriptor"),
  };
}

/** What streams a program wants. */
export interface Wanted {
  terminal: boolean;
  openStdin: boolean;
  size?: { columns: number; rows: number };
}

/** Something that was started, and the shim's ends of its streams. */
export interface WithEnds<T> {
  started: T;
  ends: OwnEnds;
}

/** Starts something with streams of its own; on success the shim's ends stay open. @throws what `start` throws. */
export async function withStdio<T extends Started>(
  { terminal, openStdin, size }: Wanted,
  start: (stdio: Stdio) => Promise<T>,
): Promise<WithEnds<T>> {
  if (terminal) {
    const started = await start({ terminal: { ...size } });
    if (started.terminal === undefined) throw new FathomError("internal", "the runtime gave no terminal");
    return { started, ends: terminalEnds(started.terminal, openStdin) };
  }
  using pipes = makePipes(openStdin);
  const started = await start(pipes.program);
  return { started, ends: pipes.keep() };
}

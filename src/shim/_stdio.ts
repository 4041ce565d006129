/** The descriptors between the shim and a program: three pipes, or a terminal. */

import { constants, openSync } from "node:fs";
import { closeFd } from "../kernel/file.ts";
import { pipe, setNonBlocking } from "../kernel/ready.ts";
import { check, sys } from "../kernel/syscall.ts";
import type { Streams } from "../runtime/runtime.ts";

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
export interface Pipes extends Disposable {
  program: Streams;
  keep(): OwnEnds;
}

/** Makes the pipes of a program without a terminal. @throws {SyscallError} */
export function makePipes(openStdin: boolean): Pipes {
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
export function terminalEnds(master: number, openStdin: boolean): OwnEnds {
  if (!openStdin) return { stdout: master };
  return {
    stdout: master,
    stdin: check(sys("fcntl", master, F_DUPFD_CLOEXEC, 0), "copy a terminal's descriptor"),
  };
}

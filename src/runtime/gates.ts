/**
 * Hooks for which a container's first process waits: prestart, createRuntime and createContainer when its mounts are made and its root
 * is not yet `/`, startContainer when it is.
 *
 * The process waits in a row of its table (program/gates.ts). It is born while this process goes on (`meanwhile`), and two pipes
 * connect them; that one of them is closed tells that it executes its program, or has ended.
 */

import {
  AT,
  type Begun,
  type Child,
  check,
  closeFd,
  ERRNO,
  exited,
  O,
  owned,
  pipe,
  readable,
  readControlFile,
  reap,
  sendSignal,
  setNonBlocking,
  spawn,
  sys,
} from "../kernel/mod.ts";
import type { Hook, Process, RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { endProcess } from "./end.ts";
import { type HookProcess, type HookState, runHooks, runLateHooks } from "./hooks.ts";
import { type Gates, hookProgram, PASS_BYTES } from "./program/mod.ts";
import type { Bundle, Started, Stdio } from "./runtime.ts";

/** This process's ends of the two pipes, and those of the process that is to be made. */
export interface OpenedGates {
  theirs: Gates;
  arrived: number;
  pass: number;
  /** Closes theirs here: the process's end is told by that. */
  release(): void;
}

/** Opens them anew for each process that is made; `stack` closes them. */
export type OpenGates = (stack: DisposableStack) => OpenedGates;

export function openGates(stack: DisposableStack): OpenedGates {
  const [arrived, pass] = [pipe(), pipe()];
  for (const fd of [arrived.read, pass.write]) stack.defer(() => closeFd(fd));
  const theirs = { arrived: arrived.write, pass: pass.read };
  const ends = new Set([theirs.arrived, theirs.pass]);
  const release = (): void => {
    for (const fd of ends) closeFd(fd);
    ends.clear();
  };
  stack.defer(release);
  setNonBlocking(arrived.read, true);
  return { theirs, arrived: arrived.read, pass: pass.write, release };
}

const SIGKILL = 9;

/** How a startContainer hook is made one of the container's processes. */
export type Enter = (process: Process, child: Child, stdio: Stdio) => Promise<Started>;

interface Passing {
  config: RuntimeConfig;
  container: Bundle;
  gates: OpenedGates;
}

/**
 * Runs the hooks at both gates and gives the process when it executes its program.
 * @throws {FathomError} internal, when a hook fails, or a SyscallError of the process's own; that has ended and been reaped.
 */
export async function passGates(passing: Passing, begin: () => Begun, enter: Enter): Promise<Child> {
  const begun = begin();
  if (await comeToSecond(passing, begun)) {
    await undone(passing, begun, () => passSecond(passing, begun.child(), enter));
    await arrival(passing.gates.arrived);
  }
  return begun.conclude();
}

/**
 * The same as far as the second gate, where the process stays: what an OCI runtime's `create` makes. Its descriptor is the caller's.
 * @throws {FathomError} as passGates.
 */
export async function stayAtGate(passing: Passing, begin: () => Begun): Promise<Child> {
  const begun = begin();
  if (await comeToSecond(passing, begun)) {
    const child = begun.child();
    setNonBlocking(child.pidfd, true);
    return child;
  }
  begun.conclude();
  throw new FathomError("internal", "the container's process did not wait for its start");
}

/** What lies between the gate where `create` leaves the process and its program, for `start`. */
export async function passSecond(
  { config, container, gates }: Passing,
  child: Child,
  enter: Enter,
): Promise<void> {
  const state: HookState = { container, status: "created", pid: pidInside(child.pid) };
  const start = (hook: Hook, input: number) => startEntered(hook, { config, child, input, enter });
  await runHooks(config, "startContainer", { state, start });
  pass(gates);
}

/** Whether the process has come to the second gate; if not, it has ended. */
async function comeToSecond(passing: Passing, begun: Begun): Promise<boolean> {
  const { config, container, gates } = passing;
  gates.release();
  if (!(await arrival(gates.arrived))) return false;
  const child = begun.child();
  const inside = (hook: Hook, input: number) => startInside(hook, { config, child, input });
  await undone(passing, begun, async () => {
    const state: HookState = { container, status: "creating", pid: child.pid };
    // To those the container is made: runtime.md has them run behind `start`.
    await runHooks(config, "prestart", { state: { ...state, status: "created" } });
    await runHooks(config, "createRuntime", { state });
    await runHooks(config, "createContainer", {
      state: { ...state, pid: pidInside(child.pid) },
      start: inside,
    });
  });
  pass(gates);
  return arrival(gates.arrived);
}

/** When a hook fails, the process ends, and what the hooks before it have done is undone by those for the end. */
async function undone(
  { config, container, gates }: Passing,
  begun: Begun,
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    const { pid } = begun.child();
    await abandon(begun, gates);
    await runLateHooks(config, "poststop", { container, status: "stopped", pid });
    throw error;
  }
}

/**
 * Ends a process that waits, and whoever made it and stands still until then. One that has failed by itself has been reaped by
 * `conclude`, which says so; the hook's failure counts.
 */
async function abandon(begun: Begun, { arrived }: OpenedGates): Promise<void> {
  sendSignal(begun.child().pidfd, SIGKILL);
  while (await arrival(arrived));
  let child: Child;
  try {
    child = begun.conclude();
  } catch {
    return;
  }
  await endProcess(child);
}

/** Waits until the process has come to a gate; false when it has executed its program, or ended. */
export async function arrival(fd: number): Promise<boolean> {
  const byte = new Uint8Array(1);
  for (;;) {
    const count = sys("read", fd, byte, 1);
    if (count !== -ERRNO.EAGAIN) return check(count, "hear of the container's process") === 1;
    await readable(fd);
  }
}

function pass({ pass: fd }: OpenedGates): void {
  check(sys("write", fd, new Uint8Array(PASS_BYTES), PASS_BYTES), "let the container's process go on");
}

/** The number of a process in the innermost PID namespace it is in, proc(5). */
function pidInside(pid: number): number {
  const numbers = /^NSpid:\s*(.+)$/m.exec(readControlFile(`/proc/${pid}/status`) ?? "")?.[1];
  return Number(numbers?.split(/\s+/).at(-1) ?? pid);
}

interface Inside {
  config: RuntimeConfig;
  child: Child;
  input: number;
}

function startInside(hook: Hook, { config, child, input }: Inside): HookProcess {
  using nowhere = owned(openNowhere());
  const streams = [input, nowhere.fd, nowhere.fd] as const;
  const { rows, successor } = hookProgram(config, hook, { pidfd: child.pidfd, streams });
  const options = { namespaces: 0, memory: "copied", by: "container", successor } as const;
  return processOf(spawn(rows, { ...options, keep: [child.pidfd, ...streams] }));
}

/** With the container's user, capabilities and filter: the hook is a program of the image's. */
async function startEntered(
  { path, args = [path], env = [] }: Hook,
  { config, child, input, enter }: Inside & { enter: Enter },
): Promise<HookProcess> {
  using nowhere = owned(openNowhere());
  const process = { ...config.process, args: [path, ...args.slice(1)], env, cwd: "/" };
  const stdio = { stdin: input, stdout: nowhere.fd, stderr: nowhere.fd };
  try {
    return processOf(await enter(process, child, stdio));
  } catch (error) {
    throw new FathomError("internal", `the startContainer hook ${path} cannot be run: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function openNowhere(): number {
  return check(sys("openat", AT.FDCWD, "/dev/null", O.RDWR | O.CLOEXEC), "open /dev/null");
}

function processOf({ pid, pidfd }: Child): HookProcess {
  const ended = async (): Promise<number> => {
    await exited(pidfd);
    closeFd(pidfd);
    const ending = reap(pid);
    if (ending === undefined) return 0;
    return "signal" in ending ? 128 + ending.signal : ending.exitCode;
  };
  return { exited: ended(), kill: (signal) => void sendSignal(pidfd, signal) };
}

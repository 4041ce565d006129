/**
 * The engine's own runtime: opens what a program needs, has a new process run it, and says why if that fails.
 */

import { resolve } from "node:path/posix";
import {
  type Begun,
  beginInPidNamespace,
  beginSpawn,
  type Cgroup,
  type Child,
  closeFd,
  createCgroup,
  majorMinor,
  receiveDescriptor,
  S,
  SyscallError,
  setNonBlocking,
  socketPair,
  spawn,
  statFd,
} from "../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { configOf } from "./bundle.ts";
import { endProcess } from "./end.ts";
import { explainExecFailure } from "./exec_failure.ts";
import { seccompFilter } from "./filters.ts";
import type { Enter, OpenGates } from "./gates.ts";
import { hasGates, runLastHooks, runLateHooks } from "./hooks.ts";
import { hostFacts } from "./host.ts";
import { devicePaths, openMaps, openNamespaces, pathKinds } from "./host_side.ts";
import { checkBehindInit } from "./init_check.ts";
import { homeOf } from "./passwd.ts";
import {
  cgroupOwner,
  containerProgram,
  deviceRules,
  execProgram,
  hasUserNamespace,
  hostId,
  isExecuteFailure,
  newNamespaces,
  type ProgramStreams,
  rootFailure,
  sharesMemory,
  workingDirectoryFailure,
} from "./program/mod.ts";
import {
  type Bundle,
  type Running,
  type Runtime,
  RuntimeError,
  type Started,
  type Stdio,
} from "./runtime.ts";
import { noteRoot, removeRoot } from "./shared_mounts.ts";

/** See Runtime. */
export const native: Runtime = { run, exec, remove };

function run(container: Bundle, stdio: Stdio): Promise<Running> {
  return make(container, stdio);
}

/**
 * Makes a container whose process stays before its program, until somebody opens the second of these gates: `create` of an OCI
 * runtime. Who makes it may end meanwhile.
 * @throws {RuntimeError} as Runtime's run.
 */
export function createWaiting(container: Bundle, stdio: Stdio, gates: OpenGates): Promise<Running> {
  return make(container, stdio, gates);
}

async function make(container: Bundle, stdio: Stdio, gates?: OpenGates): Promise<Running> {
  const config = configOf(container);
  checkBehindInit(config);
  await using stack = new AsyncDisposableStack();
  const { resources = {} } = config.linux;
  const cgroup = createCgroup(groupOf(config, container), {
    ...resources,
    devices: deviceRules(resources.devices ?? []),
  });
  stack.defer(() => cgroup.remove());
  stack.defer(noteRoot(config));
  const owner = cgroupOwner(config);
  if (owner !== undefined) cgroup.delegate(owner);
  const started = await explained(config, () =>
    pastRaces(() => startContainer({ config, container, gates }, cgroup, stdio)),
  );
  stack.defer(() => end(started));
  if (gates === undefined)
    await runLateHooks(config, "poststart", { container, status: "running", pid: started.pid });
  stack.move();
  return { ...started, container, cgroup };
}

/** A relative path is below the place where containers are that name none (config-linux.md, "Cgroups Path"). */
function groupOf({ linux: { cgroupsPath } }: RuntimeConfig, { id }: Bundle): string {
  return resolve("/fathom", cgroupsPath || id);
}

/** Far more than it takes for a busy machine to leave one start alone. */
const MOST_RACES = 32;

/**
 * A path with `..` in it cannot be resolved inside a root while anything on the host is renamed or mounted: the kernel gives up with
 * EAGAIN and asks to be asked again (openat2(2)). Nothing of the process that failed is left, so a new one does.
 */
async function pastRaces(start: () => Promise<Started>): Promise<Started> {
  for (let race = 1; ; race++) {
    try {
      return await start();
    } catch (error) {
      const again = error instanceof SyscallError && error.code === "EAGAIN";
      if (!again || race === MOST_RACES) throw error;
    }
  }
}

/** Ends a process that was started in vain. */
async function end({ terminal, ...child }: Started): Promise<void> {
  await endProcess(child);
  if (terminal !== undefined) closeFd(terminal);
}

async function exec(running: Running, process: Process, stdio: Stdio): Promise<Started> {
  const config = { ...configOf(running.container), process };
  return explained(config, () => startExec(config, running, stdio));
}

async function remove({ cgroup, container, pid }: Running): Promise<void> {
  if (cgroup.pids().length > 0) await cgroup.kill();
  await cgroup.remove();
  removeRoot(container);
  await runLastHooks(container, pid);
}

async function explained(config: RuntimeConfig, start: () => Promise<Started>): Promise<Started> {
  try {
    return await start();
  } catch (error) {
    throw explain(config, error);
  }
}

/** What went wrong, in the terms of the runtime. */
function explain(config: RuntimeConfig, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  if (error instanceof SyscallError) {
    if (isExecuteFailure(error.message)) return explainExecFailure(config.root.path, config, error);
    const root = rootFailure(error);
    if (root !== undefined) return new RuntimeError("unsupported", root, { cause: error, exitCode: 128 });
    const [message, exitCode] = workingDirectoryFailure(error) ?? [];
    if (message !== undefined && exitCode !== undefined)
      return new RuntimeError("invalid", message, { cause: error, exitCode });
  }
  return new RuntimeError(kindOf(error), messageOf(error), { cause: error, exitCode: 128 });
}

interface Making {
  config: RuntimeConfig;
  container: Bundle;
  /** At which the process is to stay. */
  gates: OpenGates | undefined;
}

async function startContainer(
  { config, container, gates: staying }: Making,
  cgroup: Cgroup,
  stdio: Stdio,
): Promise<Started> {
  const host = hostFacts();
  const filter = await seccompFilter(config.linux.seccomp, { arch: host.arch, cache: container.cache });
  using stack = new DisposableStack();
  // Few containers have hooks that they wait for.
  const waiting = hasGates(config) || staying !== undefined ? await import("./gates.ts") : undefined;
  const gates = (staying ?? waiting?.openGates)?.(stack);
  const joined = openNamespaces(config, stack);
  const terminal = openStreams(stdio, config, stack);
  const { procs, directory } = cgroup.entrance();
  const confined = hasUserNamespace(config);
  const { preserved = 0 } = stdio;
  if (preserved > 0 && confined)
    throw new FathomError("unsupported", "descriptors cannot be passed into a user namespace");
  const idMapped = openMaps(config, stack);
  const { rows: program, successor } = containerProgram(config, {
    root: config.root.path,
    streams: terminal.streams,
    preserved,
    procs,
    joined,
    kinds: pathKinds(config),
    idMapped,
    cgroupDirectories: cgroup.directories,
    home: needsHome(config.process) ? homeOf(config.root.path, config.process.user.uid) : "/",
    host,
    filter,
    ...(gates && { gates: gates.theirs }),
    ...(confined && { devicePaths: devicePaths(config) }),
    ...(confined && directory !== undefined && { cgroup: directory }),
  });
  const keep = [...terminal.keep, ...procs, ...joined.values(), ...idMapped.values()];
  for (let fd = 3; fd < 3 + preserved; fd++) keep.push(fd);
  if (gates !== undefined) keep.push(gates.theirs.arrived, gates.theirs.pass);
  const enter: Enter = (process, child, streams) =>
    startExec({ ...config, process }, { container, cgroup, ...child }, streams);
  const through = async (begin: () => Begun): Promise<Started> => {
    if (gates === undefined || waiting === undefined)
      return withTerminal(begin().conclude(), terminal.socket);
    const passing = { config, container, gates };
    const child = await (staying === undefined
      ? waiting.passGates(passing, begin, enter)
      : waiting.stayAtGate(passing, begin));
    return withTerminal(child, terminal.socket);
  };
  const meanwhile = gates !== undefined;
  if (successor !== undefined) {
    keep.push(...(directory === undefined ? [] : [directory]));
    const options = { namespaces: 0, memory: "copied", by: "container", keep, successor } as const;
    return await through(() => beginSpawn(program, { ...options, meanwhile }));
  }
  const options = {
    namespaces: newNamespaces(config),
    by: "container",
    keep,
    memory: sharesMemory(config) && !meanwhile ? "shared" : "copied",
    meanwhile,
    ...(directory !== undefined && { cgroup: directory }),
  } as const;
  const pidNamespace = joined.get("pid");
  return await through(() =>
    pidNamespace === undefined
      ? beginSpawn(program, options)
      : beginInPidNamespace(pidNamespace, program, options),
  );
}

async function startExec(config: RuntimeConfig, running: Running, stdio: Stdio): Promise<Started> {
  const { process } = config;
  const host = hostFacts();
  const { cache } = running.container;
  const filter = await seccompFilter(config.linux.seccomp, { arch: host.arch, cache });
  using stack = new DisposableStack();
  const terminal = openStreams(stdio, config, stack);
  const { procs, directory } = running.cgroup.entranceOf(running.pid, stack);
  const home = needsHome(process) ? homeOf(`/proc/${running.pid}/root`, process.user.uid) : "/";
  const context = { pidfd: running.pidfd, streams: terminal.streams, procs, home, host, filter };
  const { rows, successor } = execProgram(process, config, context);
  const child = spawn(rows, {
    namespaces: 0,
    memory: sharesMemory(config) ? "shared" : "copied",
    by: "exec",
    keep: [...terminal.keep, ...procs, running.pidfd],
    successor,
    ...(directory !== undefined && { cgroup: directory }),
  });
  return withTerminal(child, terminal.socket);
}

function needsHome({ env }: Process): boolean {
  return !env.some((entry) => entry.startsWith("HOME="));
}

/** A program's streams, the descriptors its process must keep for them, and where a terminal's master will come from. */
interface OpenedStreams {
  streams: ProgramStreams;
  keep: number[];
  socket?: number;
}

function openStreams(
  stdio: Stdio,
  { process: { user }, linux }: RuntimeConfig,
  stack: DisposableStack,
): OpenedStreams {
  if ("terminal" in stdio) {
    const [ours, theirs] = socketPair();
    stack.defer(() => closeFd(ours));
    stack.defer(() => closeFd(theirs));
    return { streams: { socket: theirs, ...stdio.terminal }, keep: [theirs], socket: ours };
  }
  const descriptors = [stdio.stdin, stdio.stdout, stdio.stderr] as const;
  const owner = hostId(linux.uidMappings, user.uid) ?? user.uid;
  const owned = [0, 1, 2].filter((stream) => mayGiveAway(descriptors[stream] ?? -1, owner));
  return { streams: { descriptors, owned }, keep: [...descriptors] };
}

/** The host's devices (above all /dev/null) stay whose they are; a pipe or socket is given to the program's user. */
function mayGiveAway(fd: number, uid: number): boolean {
  const { mode, uid: owner } = statFd(fd);
  const type = mode & S.IFMT;
  return owner !== uid && (type === S.IFIFO || type === S.IFSOCK);
}

/** Takes the master of the terminal that the process has made; a process that gave none, or something else, is ended. */
async function withTerminal({ pid, pidfd }: Child, socket: number | undefined): Promise<Started> {
  if (socket === undefined) return { pid, pidfd };
  await using stack = new AsyncDisposableStack();
  stack.defer(() => endProcess({ pid, pidfd }));
  const terminal = await receiveDescriptor(socket);
  stack.defer(() => closeFd(terminal));
  const { mode, rdev } = statFd(terminal);
  const { major, minor } = majorMinor(rdev);
  if ((mode & S.IFMT) !== S.IFCHR || major !== PTMX.major || minor !== PTMX.minor)
    throw new FathomError("internal", "what the container handed over is not the master of a terminal");
  setNonBlocking(terminal, true);
  stack.move();
  return { pid, pidfd, terminal };
}

/** Documentation/admin-guide/devices.txt. */
const PTMX = { major: 5, minor: 2 } as const;

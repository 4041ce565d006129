/**
 * Other OCI runtimes behind the same contract: crun, runc and whatever takes their command line.
 *
 * The runtime makes the container and ends; the container's first process is then an orphan, which this process adopts as the
 * nearest subreaper, so that it can be waited for as one of our own. State lies in the bundle, in a directory of the runtime's.
 */

import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path/posix";
import {
  type Cgroup,
  closeFd,
  listenConsoleSocket,
  openCgroup,
  pidfdOpen,
  setSubreaper,
  setWindowSize,
  spawnProgram,
} from "../kernel/mod.ts";
import type { Process } from "../spec/oci_runtime.ts";
import { processText } from "../spec/oci_text.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { readBundle } from "./bundle.ts";
import {
  type Bundle,
  type Running,
  type Runtime,
  RuntimeError,
  type Started,
  type StartFailure,
  type Stdio,
} from "./runtime.ts";

/** Debian packages that bring a runtime, by its program's name. */
const PACKAGES: Readonly<Record<string, string>> = { crun: "crun", runc: "runc" };

/**
 * The runtime whose program has this path, or this name on PATH.
 * @throws {FathomError} unsupported, when there is no such program.
 */
export function adapterFor(name: string): Runtime {
  const program = findProgram(name);
  setSubreaper();
  return {
    run: (container, stdio) => run({ program, container }, stdio),
    exec: (running, process, stdio) => exec({ program, container: running.container }, process, stdio),
    remove: (running) => remove({ program, container: running.container }, running.cgroup),
  };
}

function findProgram(name: string): string {
  const directories = (
    process.env.PATH || "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  ).split(":");
  const candidates = name.includes("/") ? [name] : directories.map((directory) => join(directory, name));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  const brings = PACKAGES[basename(name)];
  const advice =
    brings === undefined ? "install it, or choose another runtime" : `install it with: apt install ${brings}`;
  throw new FathomError("unsupported", `the OCI runtime ${name} is not installed: ${advice}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A container in the hands of another runtime. */
interface Target {
  program: string;
  container: Bundle;
}

async function run(target: Target, stdio: Stdio): Promise<Running> {
  const { container } = target;
  const config = readBundle(container.bundle);
  await using stack = new AsyncDisposableStack();
  await mkdir(stateOf(target), { recursive: true, mode: 0o700 });
  stack.defer(() => rm(stateOf(target), { recursive: true, force: true }));
  stack.defer(() => forget(target));
  const started = await launch(target, ["create", "--bundle", container.bundle], {
    stdio,
    name: container.id,
  });
  stack.defer(() => closeStarted(started));
  const path = config.linux.cgroupsPath ?? `/${container.id}`;
  const cgroup = openCgroup(path);
  if (cgroup === undefined)
    throw new FathomError("internal", `${basename(target.program)} made no control group ${path}`);
  stack.defer(() => cgroup[Symbol.dispose]());
  await command(target, ["start", container.id], "start");
  stack.move();
  return { ...started, container, cgroup };
}

async function exec(target: Target, process: Process, stdio: Stdio): Promise<Started> {
  const file = join(stateOf(target), `exec-${crypto.randomUUID()}.json`);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(file, { force: true }));
  await writeFile(file, processText({ ...process, terminal: "terminal" in stdio }), { mode: 0o600 });
  return await launch(target, ["exec", "--process", file, "--detach"], { stdio, name: target.container.id });
}

async function remove(target: Target, cgroup: Cgroup): Promise<void> {
  await forget(target);
  await cgroup.remove();
  await rm(stateOf(target), { recursive: true, force: true });
}

/** Lets the runtime end and remove what it knows of the container, which may be nothing. */
async function forget(target: Target): Promise<void> {
  await invoke(target, ["delete", "--force", target.container.id], ["ignore", "ignore", "ignore"]);
}

/** The runtime's state and what it writes for us. */
function stateOf({ program, container }: Target): string {
  return join(container.bundle, `.${basename(program)}`);
}

interface Launch {
  stdio: Stdio;
  /** The container's name, the last argument. */
  name: string;
}

/** Has the runtime make a process, whose number it writes to a file and whose terminal it sends through a socket. */
async function launch(target: Target, args: readonly string[], { stdio, name }: Launch): Promise<Started> {
  await using stack = new AsyncDisposableStack();
  const pidFile = join(stateOf(target), `${crypto.randomUUID()}.pid`);
  stack.defer(() => rm(pidFile, { force: true }));
  const action = args[0] ?? "";
  const withPid = [...args, "--pid-file", pidFile];
  if (!("terminal" in stdio)) {
    await command(target, [...withPid, name], action, [stdio.stdin, stdio.stdout, stdio.stderr]);
    return await processOf(pidFile);
  }
  const directory = mkdtempSync("/run/fathom-");
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  using socket = listenConsoleSocket(join(directory, "console"));
  const received = socket.receive();
  await command(target, [...withPid, "--console-socket", socket.path, name], action);
  const terminal = await received;
  const { columns, rows } = stdio.terminal;
  if (columns !== undefined && rows !== undefined) setWindowSize(terminal, columns, rows);
  return { ...(await processOf(pidFile)), terminal };
}

async function processOf(pidFile: string): Promise<Started> {
  const pid = Number(await readFile(pidFile, "utf8"));
  const pidfd = pidfdOpen(pid);
  if (pidfd === undefined)
    throw new FathomError("internal", `process ${pid}, which the runtime made, is gone`);
  return { pid, pidfd };
}

function closeStarted({ pidfd, terminal }: Started): void {
  closeFd(pidfd);
  if (terminal !== undefined) closeFd(terminal);
}

type Streams = Parameters<typeof spawnProgram>[1]["stdio"];

/** Runs the runtime. @throws {RuntimeError} with the words that it wrote to its log. */
async function command(
  target: Target,
  args: readonly string[],
  action: string,
  streams: Streams = ["ignore", "ignore", "ignore"],
): Promise<void> {
  if ((await invoke(target, args, streams)) === 0) return;
  const log = await readFile(logOf(target), "utf8").catch(ifAbsent(""));
  const message = lastError(log)?.replace(C_LIBRARY_ERROR, (words) => words.toLowerCase());
  const name = basename(target.program);
  throw new RuntimeError("invalid", `OCI runtime ${action} failed: ${message ?? `${name} gave no reason`}`, {
    exitCode: exitCodeOf(message ?? ""),
  });
}

/** crun's words for what runc says in Go's, by which the docker command knows the exit status. */
const C_LIBRARY_ERROR = /: (No such file or directory|Permission denied|Is a directory)$/;

async function invoke(target: Target, args: readonly string[], stdio: Streams): Promise<number> {
  const options = ["--root", stateOf(target), "--log", logOf(target), "--log-format", "json"];
  const environment = { PATH: process.env.PATH || "/usr/sbin:/usr/bin:/sbin:/bin" };
  return spawnProgram([target.program, ...options, ...args], { ...(stdio && { stdio }), env: environment })
    .exited;
}

function logOf(target: Target): string {
  return join(stateOf(target), "log.json");
}

/** The last error among the lines of a log. */
function lastError(log: string): string | undefined {
  return log
    .split("\n")
    .map(errorOf)
    .findLast((message) => message !== undefined);
}

function errorOf(line: string): string | undefined {
  if (line === "") return undefined;
  try {
    const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
    return level === "error" || level === "fatal" ? msg : undefined;
  } catch {
    // Not what was asked for, so the runtime's own words.
    return line;
  }
}

/** Docker tells these failures apart by the runtime's words. */
function exitCodeOf(message: string): StartFailure {
  if (/exec.*: (executable file .*not found|.*no such file or directory)/i.test(message)) return 127;
  if (/exec.*: (permission denied|is a directory|exec format error)/i.test(message)) return 126;
  return 128;
}

/** Further programs in a running container: `docker exec`. */

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { ExecLaunch } from "../shim/protocol.ts";
import type { ExecCreateRequest, ExecInspect } from "../spec/docker.ts";
import type { Process, RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { frame } from "../std/stdcopy.ts";
import { type Container, type Live, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import type { Exec } from "./exec_state.ts";
import { environment } from "./plan.ts";
import { notRunning, restarting } from "./state.ts";
import { tell } from "./tell.ts";
import { resolveUser } from "./users.ts";

/** How long an exec that has ended can be inspected, in milliseconds: Docker's. */
const KEPT = 5 * 60_000;
/** Exit status of a program that was not started and whose failure names none. */
const NOT_STARTED = 126;

/** Notes a program to start later. @throws {FathomError} conflict when the container does not run. */
export function createExec(
  context: Context,
  container: Container,
  request: ExecCreateRequest,
): { Id: string } {
  const { Cmd: command } = request;
  if (!command?.length) throw new FathomError("invalid", "No exec command specified");
  liveOf(container, "exec");
  forgetOld(context);
  const exec: Exec = {
    id: randomBytes(32).toString("hex"),
    containerId: nameOf(container).id,
    request: { ...request, Cmd: command },
    status: "created",
    exitCode: null,
    pid: 0,
  };
  context.execs.set(exec.id, exec);
  tellExec(context, { container, exec, action: `exec_create: ${commandOf(exec)}` });
  return { Id: exec.id };
}

/** @throws {FathomError} not-found. */
export function findExec(context: Context, id: string): Exec {
  const exec = context.execs.get(id);
  if (exec === undefined) throw new FathomError("not-found", `No such exec instance: ${id}`);
  return exec;
}

/**
 * Starts it attached. Why a program cannot be started is told on its output, as in Docker, since by then the answer has begun;
 * its exit code tells the rest.
 */
export async function startAttached(
  context: Context,
  exec: Exec,
  options: { tty: boolean; consoleSize?: [number, number] },
): Promise<{ tty: boolean; stream: Duplex }> {
  const { container, live } = begin(context, exec);
  const {
    AttachStdin = false,
    AttachStdout = false,
    AttachStderr = false,
    DetachKeys,
    Tty = false,
  } = exec.request;
  const { stream } = await live.shim
    .attach({
      target: { exec: exec.id },
      stdin: AttachStdin,
      stdout: AttachStdout,
      stderr: AttachStderr,
      ...(DetachKeys && { detachKeys: DetachKeys }),
    })
    .catch((error) => failed(exec, error));
  try {
    await launch(context, { container, exec, live, attachments: 1, size: options.consoleSize });
    return { tty: Tty, stream };
  } catch (error) {
    stream.destroy();
    return { tty: Tty, stream: complaint(messageOf(error), Tty) };
  }
}

/** Starts it without anybody attached. @throws {FathomError} when it cannot be started. */
export async function startDetached(context: Context, exec: Exec): Promise<void> {
  await launch(context, { exec, ...begin(context, exec), attachments: 0 });
}

export async function resizeExec(
  context: Context,
  exec: Exec,
  size: { height: number; width: number },
): Promise<void> {
  const { live } = context.registry.find(exec.containerId);
  if (exec.status !== "running" || live === undefined)
    throw new FathomError("conflict", `exec process ${exec.id} is not running`);
  await live.shim.resize({ columns: size.width, rows: size.height }, { exec: exec.id });
}

export function inspectExec(exec: Exec): ExecInspect {
  const { request } = exec;
  const [entrypoint = "", ...args] = request.Cmd;
  return {
    ID: exec.id,
    Running: exec.status === "running",
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: request.Tty ?? false,
      entrypoint,
      arguments: args,
      privileged: request.Privileged ?? false,
      ...(request.User && { user: request.User }),
    },
    OpenStdin: request.AttachStdin ?? false,
    OpenStderr: request.AttachStderr ?? false,
    OpenStdout: request.AttachStdout ?? false,
    CanRemove: false,
    ContainerID: exec.containerId,
    DetachKeys: request.DetachKeys ?? "",
    Pid: exec.pid,
  };
}

/** The execs of a container that have not ended. */
export function execIds(context: Context, containerId: string): string[] {
  return [...context.execs.values()]
    .filter((exec) => exec.containerId === containerId && exec.status !== "ended")
    .map(({ id }) => id);
}

/** The shim to ask. @throws {FathomError} conflict, saying what the container must be first. */
function liveOf(container: Container, purpose: string): Live {
  const { id } = nameOf(container);
  const { Status: status } = container.record.state;
  if (status === "paused")
    throw new FathomError("conflict", `container ${id} is paused, unpause the container before ${purpose}`);
  if (status === "restarting") throw new FathomError("conflict", restarting(id));
  if (container.live === undefined) throw notRunning(id);
  return container.live;
}

/** Claims it, so that no other request starts it, too. */
function begin(context: Context, exec: Exec): { container: Container; live: Live } {
  const container = context.registry.find(exec.containerId);
  if (exec.status === "ended")
    throw new FathomError("conflict", `Error: Exec command ${exec.id} has already run`);
  if (exec.status === "running")
    throw new FathomError("conflict", `Error: Exec command ${exec.id} is already running`);
  const live = liveOf(container, "exec");
  exec.status = "running";
  tellExec(context, { container, exec, action: `exec_start: ${commandOf(exec)}` });
  return { container, live };
}

interface LaunchInput {
  container: Container;
  exec: Exec;
  live: Live;
  attachments: number;
  size?: [number, number] | undefined;
}

async function launch(context: Context, input: LaunchInput): Promise<void> {
  const { container, exec, live, attachments } = input;
  const size = input.size ?? exec.request.ConsoleSize;
  const launching = async () => {
    const request: ExecLaunch = {
      id: exec.id,
      process: await planExec(context, container, exec),
      openStdin: exec.request.AttachStdin ?? false,
      ...(size && { size: { rows: size[0], columns: size[1] } }),
      attachments,
    };
    return live.shim.exec(request);
  };
  const { pid } = await launching().catch((error) => failed(exec, error));
  exec.pid = pid;
  void live.shim.execExited(exec.id).then(
    (exitCode) => ended(context, input, exitCode),
    // The shim is gone, and the exec with it: killed.
    () => ended(context, input, 137),
  );
}

/** The container's own process, with what the exec asks for in place of it. */
async function planExec(context: Context, container: Container, exec: Exec): Promise<Process> {
  const { images } = context.options;
  const { id } = nameOf(container);
  const [bundle, passwd = "", group = ""] = await Promise.all([
    readFile(join(container.bundle, "config.json"), "utf8"),
    images.readFile(id, "/etc/passwd"),
    images.readFile(id, "/etc/group"),
  ]);
  const { process: own } = JSON.parse(bundle) as RuntimeConfig;
  const { record } = container;
  const { request } = exec;
  const user = resolveUser(
    request.User || record.config.Config.User,
    { passwd, group },
    record.host.GroupAdd ?? [],
  );
  const { terminal: _, consoleSize: __, ...rest } = own;
  return {
    ...rest,
    ...(request.Tty && { terminal: true }),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: request.Cmd,
    env: environment(record.config, { home: user.home, tty: request.Tty ?? false, more: request.Env ?? [] }),
    cwd: request.WorkingDir || record.config.Config.WorkingDir || "/",
    ...(own.capabilities && {
      capabilities: capabilities(context, own.capabilities, { exec, uid: user.uid }),
    }),
  };
}

type Sets = NonNullable<Process["capabilities"]>;

function capabilities(context: Context, own: Sets, { exec, uid }: { exec: Exec; uid: number }): Sets {
  const bounding = exec.request.Privileged ? [...context.host.capabilities] : own.bounding;
  const effective = uid === 0 ? bounding : [];
  return { bounding, effective, permitted: effective, inheritable: [], ambient: [] };
}

function failed(exec: Exec, error: unknown): never {
  const code = error instanceof Error && "exitCode" in error ? error.exitCode : NOT_STARTED;
  Object.assign(exec, { status: "ended", exitCode: code, endedAt: Date.now() });
  throw error;
}

function ended(context: Context, { container, exec }: LaunchInput, exitCode: number): void {
  Object.assign(exec, { status: "ended", exitCode, endedAt: Date.now() });
  tellExec(context, { container, exec, action: "exec_die", exitCode });
}

/** A stream that holds one sentence, framed as output where there is no terminal. */
function complaint(sentence: string, tty: boolean): Duplex {
  const text = new TextEncoder().encode(`${sentence}\r\n`);
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  stream.push(tty ? text : frame("stdout", text));
  stream.push(null);
  return stream;
}

function tellExec(
  context: Context,
  {
    container,
    exec,
    action,
    exitCode,
  }: { container: Container; exec: Exec; action: string; exitCode?: number },
): void {
  const attributes = { execID: exec.id, ...(exitCode !== undefined && { exitCode: String(exitCode) }) };
  tell(context, container, { action, attributes });
}

/** As Docker writes it, with a space behind a program that has no arguments. */
function commandOf({ request }: Exec): string {
  const [program = "", ...args] = request.Cmd;
  return `${program} ${args.join(" ")}`;
}

function forgetOld(context: Context): void {
  const before = Date.now() - KEPT;
  for (const [id, { endedAt }] of context.execs) {
    if (endedAt !== undefined && endedAt < before) context.execs.delete(id);
  }
}

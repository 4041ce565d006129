/** The steps of an exec's life, for whoever starts one: a request, or a health check. */

import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { ExecLaunch } from "../../shim/protocol.ts";
import type { ExecCreateRequest } from "../../spec/docker.ts";
import { FathomError, kindOf } from "../../std/errors.ts";
import { type Container, type Live, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { notRunning } from "../state.ts";
import { tell } from "../tell.ts";
import { planExec } from "./plan.ts";
import type { Exec } from "./state.ts";

/** Exit status of a program that was not started and whose failure names none. */
const NOT_STARTED = 126;
/** That of one whose shim is gone, and it with it: killed. */
const LOST = 137;

/** An exec that was claimed, and what it will run in. */
export interface Begun {
  container: Container;
  exec: Exec;
  live: Live;
}

/** Notes a program to start. `name` is what sentences call the container. @throws {FathomError} conflict when it does not run. */
export function registerExec(
  context: Context,
  { container, name }: { container: Container; name: string },
  request: ExecCreateRequest & { Cmd: string[] },
): Exec {
  liveOf(container, name);
  const exec: Exec = {
    id: randomBytes(32).toString("hex"),
    containerId: nameOf(container).id,
    request,
    status: "created",
    exitCode: null,
    pid: 0,
    settled: Promise.withResolvers(),
  };
  context.execs.set(exec.id, exec);
  tellExec(context, { container, exec, action: `exec_create: ${commandOf(exec)}` });
  return exec;
}

/** Claims it, so that nobody else starts it, too. @throws {FathomError} conflict. */
export function begin(context: Context, exec: Exec): Begun {
  const container = context.registry.find(exec.containerId);
  if (exec.status === "ended")
    throw new FathomError("conflict", `Error: Exec command ${exec.id} has already run`);
  if (exec.status === "running")
    throw new FathomError("conflict", `Error: Exec command ${exec.id} is already running`);
  const live = liveOf(container, nameOf(container).id);
  exec.status = "running";
  tellExec(context, { container, exec, action: `exec_start: ${commandOf(exec)}` });
  return { container, exec, live };
}

/** The shim to ask. @throws {FathomError} conflict, saying what the container must be first. */
function liveOf(container: Container, name: string): Live {
  const { id } = nameOf(container);
  const { Status: status } = container.record.state;
  if (status === "paused")
    throw new FathomError("conflict", `Container ${name} is paused, unpause the container before exec`);
  if (status === "restarting")
    throw new FathomError("conflict", `Container ${id} is restarting, wait until the container is running`);
  if (container.live === undefined) throw notRunning(id);
  return container.live;
}

/** Its streams, in place before it is launched. @throws {FathomError} of the shim; the exec has ended then. */
export async function openStreams({ exec, live }: Begun): Promise<Duplex> {
  const { AttachStdin = false, AttachStdout = false, AttachStderr = false, DetachKeys } = exec.request;
  const { stream } = await live.shim
    .attach({
      target: { exec: exec.id },
      stdin: AttachStdin,
      stdout: AttachStdout,
      stderr: AttachStderr,
      ...(DetachKeys && { detachKeys: DetachKeys }),
    })
    .catch((error) => failed(exec, error));
  exec.stream = stream;
  return stream;
}

interface LaunchOptions {
  /** How many streams were opened. */
  attachments: number;
  /** Rows and columns of its terminal. */
  size?: [number, number] | undefined;
  /** Nothing else is expected for some time when it has ended. */
  restAfter?: boolean;
}

/** Starts it; `ended` resolves to its exit code and never rejects. @throws {FathomError} when it cannot be started. */
export async function launch(
  context: Context,
  begun: Begun,
  { attachments, size, restAfter = false }: LaunchOptions,
): Promise<{ ended: Promise<number> }> {
  const { container, exec, live } = begun;
  const launching = async () => {
    const request: ExecLaunch = {
      id: exec.id,
      process: await planExec(context, container, exec),
      openStdin: exec.request.AttachStdin ?? false,
      ...(size && { size: { rows: size[0], columns: size[1] } }),
      attachments,
      ...(restAfter && { restAfter }),
    };
    return live.shim.exec(request);
  };
  const { pid } = await launching().catch((error) => failed(exec, error));
  exec.pid = pid;
  const exitCode = live.shim.execExited(exec.id).catch(() => LOST);
  return { ended: exitCode.then((code) => ended(context, begun, code)) };
}

function failed(exec: Exec, error: unknown): never {
  const said = error instanceof Error && "exitCode" in error ? Number(error.exitCode) : undefined;
  // Without its shim nobody knows whether it had begun.
  settle(exec, said ?? (kindOf(error) === "unavailable" ? LOST : NOT_STARTED));
  throw error;
}

function ended(context: Context, { container, exec }: Begun, exitCode: number): number {
  settle(exec, exitCode);
  tellExec(context, { container, exec, action: "exec_die", exitCode });
  return exitCode;
}

function settle(exec: Exec, exitCode: number): void {
  Object.assign(exec, { status: "ended", exitCode, endedAt: Date.now(), stream: undefined });
  exec.settled.resolve();
}

interface ExecEvent {
  container: Container;
  exec: Exec;
  action: string;
  exitCode?: number;
}

function tellExec(context: Context, { container, exec, action, exitCode }: ExecEvent): void {
  const attributes = { execID: exec.id, ...(exitCode !== undefined && { exitCode: String(exitCode) }) };
  tell(context, container, { action, attributes });
}

/** As Docker writes it, with a space behind a program that has no arguments. */
function commandOf({ request }: Exec): string {
  const [program = "", ...args] = request.Cmd;
  return `${program} ${args.join(" ")}`;
}

/** Further programs in a running container: `docker exec`. */

import { Duplex } from "node:stream";
import type { ExecCreateRequest, ExecInspect } from "../../spec/docker.ts";
import { parseDetachKeys } from "../../std/detach_keys.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import { frame } from "../../std/stdcopy.ts";
import type { Container } from "../container.ts";
import type { Context } from "../context.ts";
import { begin, launch, openStreams, registerExec } from "./run.ts";
import type { Exec } from "./state.ts";

/** How long an exec that has ended can be inspected, in milliseconds: Docker's. */
const KEPT = 5 * 60_000;

/**
 * Notes a program to start later; `name` is what the request calls the container.
 * @throws {FathomError} conflict when the container does not run; invalid, for detach keys that are none.
 */
export function createExec(
  context: Context,
  named: { container: Container; name: string },
  request: ExecCreateRequest,
): { Id: string } {
  const { Cmd: command } = request;
  if (!command?.length) throw new FathomError("invalid", "No exec command specified");
  if (request.DetachKeys) parseDetachKeys(request.DetachKeys);
  forgetOld(context);
  const { id } = registerExec(context, named, { ...request, Cmd: command });
  return { Id: id };
}

/** @throws {FathomError} not-found. */
export function findExec(context: Context, id: string): Exec {
  const exec = context.execs.get(id);
  if (exec === undefined) throw new FathomError("not-found", `No such exec instance: ${id}`);
  return exec;
}

/**
 * Starts it attached; the shim is asked for both at once, and starts it when its streams are there. Why a program cannot be started
 * is told on its output, as in Docker, since by then the answer has begun; its exit code tells the rest.
 */
export async function startAttached(
  context: Context,
  exec: Exec,
  options: { tty: boolean; consoleSize?: [number, number] },
): Promise<{ tty: boolean; stream: Duplex }> {
  const begun = begin(context, exec);
  const { Tty: tty = false, ConsoleSize } = exec.request;
  const opening = openStreams(begun);
  const launching = launch(context, begun, {
    attachments: 1,
    size: options.consoleSize ?? ConsoleSize,
  }).then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  const stream = await opening;
  const complaint = await launching;
  if (complaint === undefined) return { tty, stream };
  stream.destroy();
  return { tty, stream: sentence(complaint, tty) };
}

/** Starts it without anybody attached. @throws {FathomError} when it cannot be started. */
export async function startDetached(context: Context, exec: Exec): Promise<void> {
  await launch(context, begin(context, exec), { attachments: 0, size: exec.request.ConsoleSize });
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

/** How long the end of an exec may stay unknown when its streams are over, in milliseconds; a busy machine's worst. */
const UNKNOWN = 10_000;

/**
 * What is known of it. When its streams have ended, whoever attached asks at once how it did: that comes another way, and where
 * the shim was killed, later. An answer without an exit code would be taken for success, so this waits for one.
 */
export async function inspectExec(exec: Exec): Promise<ExecInspect> {
  const { stream } = exec;
  if (stream?.readableEnded || stream?.errored) await within(exec.settled.promise, UNKNOWN);
  return inspection(exec);
}

async function within(promise: Promise<void>, milliseconds: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

function inspection(exec: Exec): ExecInspect {
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

/** A stream that holds one sentence, framed as output where there is no terminal. */
function sentence(words: string, tty: boolean): Duplex {
  const text = new TextEncoder().encode(`${words}\r\n`);
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  stream.push(tty ? text : frame("stdout", text));
  stream.push(null);
  return stream;
}

function forgetOld(context: Context): void {
  const before = Date.now() - KEPT;
  for (const [id, { endedAt }] of context.execs) {
    if (endedAt !== undefined && endedAt < before) context.execs.delete(id);
  }
}

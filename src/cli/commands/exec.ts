/** `fathom exec`. */

import type { ExecCreateRequest, ExecInspect } from "../../spec/docker.ts";
import { type Context, defineCommand } from "../command.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { type Hijacked, textOf } from "../http/client.ts";
import { readEnvironment } from "../run/files.ts";
import { followSize, LEFT } from "../run/foreground.ts";
import { startErrorCode } from "../run/start_error.ts";
import { copyOutput, startInput } from "../streams.ts";

export const command = defineCommand({
  usage: "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
  aliases: ["container exec", "exec"],
  operands: { min: 2 },
  toFirstOperand: true,
  flags: {
    detach: { type: "bool", short: "d", help: "Leave it running" },
    "detach-keys": { type: "string", help: "Keys that detach the terminal from it" },
    env: { type: "list", short: "e", help: "Set a variable of the environment, or pass on ours" },
    "env-file": { type: "list", help: "Read variables of the environment from a file" },
    interactive: { type: "bool", short: "i", help: "Keep standard input open" },
    privileged: { type: "bool", help: "Give it all the host's privileges" },
    tty: { type: "bool", short: "t", help: "Give it a terminal" },
    user: { type: "string", short: "u", help: "User and group: NAME|UID[:GROUP|GID]" },
    workdir: { type: "string", short: "w", help: "Directory it starts in" },
  },
  async run(context, { flags, operands: [name = "", ...program] }) {
    const attached = !flags.detach;
    const stdin = attached && flags.interactive;
    if (stdin && flags.tty) (await import("../terminal.ts")).requireTerminal();
    const request: ExecCreateRequest = {
      AttachStdin: stdin,
      AttachStdout: attached,
      AttachStderr: attached,
      Tty: flags.tty,
      Env: await readEnvironment(flags["env-file"], flags.env),
      Cmd: program,
      Privileged: flags.privileged,
      ...(flags["detach-keys"] !== undefined && { DetachKeys: flags["detach-keys"] }),
      ...(flags.user !== undefined && { User: flags.user }),
      ...(flags.workdir !== undefined && { WorkingDir: flags.workdir }),
    };
    const path = `/containers/${encodeURIComponent(name)}/exec`;
    if (attached) return await runAttached(context, path, request);
    const { Id } = await context.client.json<{ Id: string }>("POST", path, { json: request });
    await context.client.call("POST", `/exec/${Id}/start`, { json: { Detach: true, Tty: flags.tty } });
    return 0;
  },
});

async function runAttached(context: Context, path: string, request: ExecCreateRequest): Promise<number> {
  const { client } = context;
  const { Tty: tty = false, AttachStdin: stdin = false } = request;
  await using cleanup = new AsyncDisposableStack();
  const terminal = tty ? (await import("../terminal.ts")).openTerminal() : undefined;
  if (terminal) cleanup.defer(() => terminal.leave());
  const size = terminal?.size();
  if (size) request.ConsoleSize = [size.height, size.width];
  const { hijacked, id } = await startError(() => createAndStart(context, path, request));
  cleanup.defer(() => hijacked.connection.close());
  if (terminal) {
    followSize(terminal, ({ height, width }) =>
      client.call("POST", `/exec/${id}/resize`, { query: { h: height, w: width } }),
    );
    if (stdin) terminal.enterRawMode();
  }
  if (stdin) {
    const input = startInput(hijacked);
    cleanup.defer(() => input.stop());
  }
  const told = await copyOutput(hijacked.connection, tty);
  return told ?? (await exitCode(context, id, { mayDetach: tty && stdin }));
}

/** In one request; Docker's engine does what it knows of it, which is to create, and is asked to start in another. */
async function createAndStart(
  { client }: Context,
  path: string,
  request: ExecCreateRequest,
): Promise<{ hijacked: Hijacked; id: string }> {
  const hijacked = await client.hijack(path, { query: { start: true }, json: request });
  const { headers, body } = hijacked.reply;
  const begun = headers.get("exec-id");
  if (begun !== undefined) return { hijacked, id: begun };
  const { Id: id }: { Id: string } = JSON.parse(await textOf(body));
  const { Tty, ConsoleSize } = request;
  const json = { Detach: false, Tty, ...(ConsoleSize && { ConsoleSize }) };
  return { hijacked: await client.hijack(`/exec/${id}/start`, { json }), id };
}

async function startError<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    const code = startErrorCode(error.reason);
    throw new CommandError(error.message, code === 125 ? 1 : code, { cause: error });
  }
}

async function exitCode(
  { client }: Context,
  id: string,
  { mayDetach }: { mayDetach: boolean },
): Promise<number> {
  const { ExitCode, Running } = await client.json<ExecInspect>("GET", `/exec/${id}/json`);
  if (mayDetach && Running) throw new CommandError(LEFT);
  return ExitCode ?? 0;
}

/** A container in the foreground: attached before it starts, so that nothing it writes is lost, until it has ended. */

import type { ContainerInspect, ContainerWaitResponse } from "../../spec/docker.ts";
import type { Context } from "../command.ts";
import { CommandError } from "../errors.ts";
import { type Hijacked, textOf } from "../http/client.ts";
import { copyOutput, startInput } from "../streams.ts";
import type { Size, Terminal } from "../terminal.ts";
import type { Streams } from "./config.ts";

export interface ForegroundOptions {
  streams: Streams;
  tty: boolean;
  signalProxy: boolean;
  detachKeys: string | undefined;
  /** What to wait for: `removed` for a container that is removed when it ends. */
  condition: "next-exit" | "removed" | "not-running";
  /** Whoever leaves by the detach keys is told so, as by an error: that is how the docker command's `attach` ends. */
  leavingIsError?: boolean;
  /** Starts the container, once all is in place; absent when it runs already. */
  start?: () => Promise<void>;
}

/** How long after the end of its output a program that is attached by a terminal is given to be seen to have ended. */
const DETACH_GRACE_MS = 250;

/** Attaches, starts, copies, and gives the program's exit code; 0 when the terminal was detached. */
export async function runInForeground(
  context: Context,
  id: string,
  options: ForegroundOptions,
): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  const proxied = options.signalProxy && !options.tty;
  const [hijacked, { exit }, signals] = await Promise.all([
    attach(context, id, options),
    wait(context, id, options),
    proxied ? import("../signals.ts") : undefined,
  ]);
  cleanup.defer(() => hijacked.connection.close());
  const output = copyOutput(hijacked.connection, options.tty);
  // It is waited for below; until then its failure is not one that nobody handles.
  output.catch(() => undefined);
  if (signals) cleanup.use(signals.proxySignals(context.client, id));
  const terminal = options.tty ? await takeTerminal(options) : undefined;
  cleanup.defer(() => terminal?.leave());
  await options.start?.();
  if (terminal) followSize(terminal, (size) => resize(context, id, size));
  if (options.streams.stdin) {
    const input = startInput(hijacked);
    cleanup.defer(() => input.stop());
  }
  await output;
  const { tty, streams, leavingIsError = false } = options;
  return await exitCode(context, id, { exit, mayDetach: tty && streams.stdin, leavingIsError });
}

function attach(
  { client }: Context,
  id: string,
  { streams, detachKeys }: ForegroundOptions,
): Promise<Hijacked> {
  return client.hijack(`/containers/${id}/attach`, { query: { ...streams, stream: true, detachKeys } });
}

/** Resolves once the wait is registered; in an object, because a promise in a promise would be waited for as well. */
async function wait({ client }: Context, id: string, { condition }: ForegroundOptions) {
  const reply = await client.send("POST", `/containers/${id}/wait`, { query: { condition } });
  const exit = textOf(reply.body).then((text): ContainerWaitResponse => JSON.parse(text));
  // When something else ends the command first, the failure of a wait that is cut off is of no interest.
  exit.catch(() => undefined);
  return { exit };
}

/** Our terminal, in raw mode where we type at the program. */
async function takeTerminal({ streams }: ForegroundOptions): Promise<Terminal> {
  const { openTerminal } = await import("../terminal.ts");
  const terminal = openTerminal();
  if (streams.stdin) terminal.enterRawMode();
  return terminal;
}

function resize({ client }: Context, id: string, { height, width }: Size): Promise<number> {
  return client.call("POST", `/containers/${id}/resize`, { query: { h: height, w: width } });
}

/** Tells the program's terminal our size, now and at every change. A program that has ended already has no size. */
export function followSize(terminal: Terminal, resize: (size: Size) => Promise<unknown>): void {
  const tell = (size: Size) => {
    resize(size).catch(() => undefined);
  };
  const size = terminal.size();
  if (size) tell(size);
  terminal.onResize(tell);
}

interface Ending {
  exit: Promise<ContainerWaitResponse>;
  /** Whether the terminal's keys may have detached us. */
  mayDetach: boolean;
  leavingIsError: boolean;
}

/** What the docker command says to those who leave by the detach keys. */
export const LEFT = "read escape sequence";

async function exitCode(
  context: Context,
  id: string,
  { exit, mayDetach, leavingIsError }: Ending,
): Promise<number> {
  if (mayDetach && (await detached(context, id, exit))) {
    if (leavingIsError) throw new CommandError(LEFT);
    return 0;
  }
  const { StatusCode, Error: failure } = await exit;
  if (failure?.Message) throw new CommandError(failure.Message, 125);
  return StatusCode;
}

/** True when the output has ended and the program has not: the daemon saw the detach keys. */
async function detached({ client }: Context, id: string, exit: Promise<unknown>): Promise<boolean> {
  const ended = await Promise.race([exit.then(() => true), Bun.sleep(DETACH_GRACE_MS).then(() => false)]);
  if (ended) return false;
  const { State } = await client.json<ContainerInspect>("GET", `/containers/${id}/json`);
  return State.Running;
}

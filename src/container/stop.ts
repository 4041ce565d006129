/** Ends containers: stop, kill, restart. None but restart holds `exclusive`, so that a kill can end a stop that waits. */

import type { StopOptions } from "../spec/docker_query.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { saveState } from "./save.ts";
import { parseSignal, SIGKILL, SIGTERM } from "./signals.ts";
import { isUp, notRunning } from "./state.ts";
import { tell } from "./tell.ts";
import { cancelRetry } from "./watch.ts";

/** Docker's, in seconds. */
const DEFAULT_TIMEOUT = 10;
/** How long a program is given to go after SIGKILL, in seconds: one that waits for the kernel may not. */
const KILL_TIMEOUT = 10;

/**
 * Asks the program to end, and ends it when the time is over.
 * @throws {FathomError} not-modified when it does not run; invalid for a signal that is none.
 */
export async function stopContainer(
  context: Context,
  container: Container,
  options: StopOptions,
): Promise<void> {
  const how = howToStop(container, "stop", options);
  // Behind a start that is under way.
  await container.exclusive(async () => undefined);
  if (!isUp(container.record.state.Status))
    throw new FathomError("not-modified", `container ${nameOf(container).id} is not running`);
  await end(context, container, how);
  tell(context, container, { action: "stop" });
}

/** The signal that comes first, and the seconds until SIGKILL; for which request. */
interface HowToStop {
  request: string;
  signal: number;
  timeout: number;
  /** The container is removed after that: nothing of its end needs to be on disk. */
  disposes?: boolean;
}

function howToStop({ record }: Container, request: string, options: StopOptions): HowToStop {
  const { StopSignal, StopTimeout } = record.config.Config;
  return {
    request,
    signal: parseSignal(options.signal || StopSignal || String(SIGTERM)),
    timeout: options.timeout ?? StopTimeout ?? DEFAULT_TIMEOUT,
  };
}

/** Ends a container that is up; what it leaves is seen to by the time this resolves. */
async function end(context: Context, container: Container, how: HowToStop): Promise<void> {
  const { request, signal, timeout, disposes = false } = how;
  container.record.state.ManuallyStopped = true;
  container.stopping = true;
  container.leaving = disposes;
  noteAsked(container, request, signal);
  void saveState(context, container);
  const { live } = container;
  if (live === undefined) {
    if (container.record.state.Status === "restarting") cancelRetry(context, container);
    return;
  }
  await send(context, container, signal);
  if (!(await within(live.ended, timeout))) {
    noteAsked(container, request, SIGKILL);
    await send(context, container, SIGKILL);
    if (!(await within(live.ended, KILL_TIMEOUT)))
      throw new FathomError(
        "internal",
        `container ${nameOf(container).id} does not end: its program waits in the kernel; see cat /proc/${container.record.state.Pid}/stack`,
      );
  }
  await container.released;
}

/** So that it can be told later who ended the program. */
function noteAsked({ record }: Container, Request: string, Signal: number): void {
  record.state.Asked = { Request, Signal, At: rfc3339(wallClock()) };
}

/** Sends a signal that is to end the first process. One that has just ended is no error: that is what was wanted. */
async function send(context: Context, container: Container, signal: number): Promise<void> {
  const { live } = container;
  if (live === undefined) return;
  tell(context, container, { action: "kill", attributes: { signal: String(signal) } });
  const sent = live.shim.signal(signal, {}, { disposes: container.leaving }).catch((error) => {
    if (container.live === live)
      context.options.warn(`container ${nameOf(container).id}: signal ${signal}: ${messageOf(error)}`);
  });
  await goOn(context, container);
  await sent;
}

/** What is paused takes no signal. */
async function goOn(context: Context, container: Container): Promise<void> {
  if (container.record.state.Status === "paused")
    await (await import("./pause.ts")).thawToEnd(context, container);
}

/** Whether `event` comes within so many seconds; for ever when negative. */
async function within(event: Promise<void>, seconds: number): Promise<boolean> {
  if (seconds < 0) return event.then(() => true);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), seconds * 1000);
  void event.then(() => resolve(true));
  return promise.finally(() => clearTimeout(timer));
}

/**
 * Sends a signal, SIGKILL unless told otherwise.
 * @throws {FathomError} conflict when it does not run; invalid for a signal that is none.
 */
export async function killContainer(context: Context, container: Container, name?: string): Promise<void> {
  const signal = name ? parseSignal(name) : SIGKILL;
  const { live, record } = container;
  const { id } = nameOf(container);
  if (record.state.Status === "restarting" && endsIt(container, signal)) {
    container.stopping = true;
    cancelRetry(context, container);
    return;
  }
  if (live === undefined)
    throw new FathomError(
      "conflict",
      `cannot kill container: ${nameOf(container).name}: ${notRunning(id).message}`,
    );
  record.state.ManuallyStopped = true;
  const ends = endsIt(container, signal);
  container.stopping ||= ends;
  noteAsked(container, "kill", signal);
  void saveState(context, container);
  const sent = live.shim.signal(signal, {}).catch((error) => {
    if (container.live === live) throw error;
  });
  await Promise.all([sent, ends && goOn(context, container)]);
  tell(context, container, { action: "kill", attributes: { signal: String(signal) } });
  if (signal === SIGKILL) await within(live.ended, KILL_TIMEOUT);
}

/** Whether a signal asks for the end for good. Docker takes any for that where no stop signal is set. */
function endsIt({ record }: Container, signal: number): boolean {
  const own = record.config.Config.StopSignal;
  return signal === SIGKILL || own === undefined || parseSignal(own) === signal;
}

/** Stops it where it runs, and starts it. */
export function restartContainer(
  context: Context,
  container: Container,
  options: StopOptions,
): Promise<void> {
  const how = howToStop(container, "restart", options);
  return container.exclusive(async () => {
    if (isUp(container.record.state.Status)) {
      await end(context, container, how);
      tell(context, container, { action: "stop" });
    }
    await context.start(container);
    tell(context, container, { action: "restart" });
  });
}

/** Ends it at once, for a removal that is forced. */
export async function forceEnd(context: Context, container: Container): Promise<void> {
  if (isUp(container.record.state.Status))
    await end(context, container, {
      request: "rm -f",
      signal: SIGKILL,
      timeout: KILL_TIMEOUT,
      disposes: true,
    });
}

/**
 * The end of a container: from the shim's word to the state, the next start or the removal.
 *
 * It waits for no operation that is under way. The state changes at once, in one piece; what takes time (unmounting, saving)
 * follows, and whoever needs it done waits for `released`.
 */

import { rm } from "node:fs/promises";
import type { Shim } from "../shim/handle.ts";
import type { ExitRecord } from "../shim/protocol.ts";
import { messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { cgroupPath } from "./cgroup_path.ts";
import { type Container, nameOf, notify } from "./container.ts";
import type { Context } from "./context.ts";
import { unmountSharedMemory } from "./mounts/shared_memory.ts";
import { type EndingRecord, LOST_EXIT_CODE, readExit } from "./records.ts";
import { FIRST_DELAY, restartDelay } from "./restart_policy.ts";
import { saveState } from "./save.ts";
import { next } from "./state.ts";
import { tell } from "./tell.ts";

/** Registers the shim of a program that runs. */
export function watchExit(context: Context, container: Container, shim: Shim): void {
  const ended = shim.exited
    .catch((error) => (container.live?.shim === shim ? lostExit(context, container, error) : undefined))
    .then((exit) => {
      // The engine has let go of the shim: the end is for the next engine to see.
      if (exit === undefined) return;
      shim.close();
      exited(context, container, exit);
    });
  const live = { shim, ended };
  shim.onDetach(({ exec }) => {
    if (exec === undefined) return tell(context, container, { action: "detach" });
    context.execs.get(exec)?.settled.resolve();
    tell(context, container, { action: "exec_detach", attributes: { execID: exec } });
  });
  container.live = live;
  // Behind the answer to a start, and only where memory is limited: nobody waits for it.
  if (container.record.host.Memory > 0)
    setTimeout(async () => {
      const { watchOom } = await import("./limits/watch_oom.ts");
      if (container.live === live) await watchOom(context, container, live);
    }, 0);
}

/** An end that nobody saw, with the sentence that says why. */
type End = ExitRecord & { lost?: string };

/** The shim is gone. It may have left the record of the end; if not, what still runs is ended here. */
async function lostExit(context: Context, container: Container, error: unknown): Promise<End> {
  const { id } = nameOf(container);
  const shim = shimOf(container);
  context.options.warn(
    `container ${id}: ${shim} is gone, and what still runs of it is ended: ${messageOf(error)}`,
  );
  return endWithoutShim(context, container, `${shim} was killed or crashed, and what ran was ended with it`);
}

function shimOf({ record }: Container): string {
  const { Shim } = record.state;
  return Shim === null ? "its shim" : `its shim (process ${Shim.Pid})`;
}

/** How a container ended whose shim is gone, with nothing of it running any more. */
async function endWithoutShim(context: Context, container: Container, why: string): Promise<End> {
  await killLeftovers(context, container);
  const { StartedAt: startedAt } = container.record.state;
  const recorded = await readExit(container.paths.exit);
  if (recorded === undefined)
    context.options.warn(
      `container ${nameOf(container).id}: ${why}; it is shown with exit code ${LOST_EXIT_CODE}`,
    );
  const lost = `${why}: how its program would have ended is not known`;
  return (
    recorded ?? {
      exitCode: LOST_EXIT_CODE,
      oomKilled: false,
      startedAt,
      finishedAt: rfc3339(wallClock()),
      lost,
    }
  );
}

/** Ends what still runs of a container whose shim is gone. */
async function killLeftovers(context: Context, container: Container): Promise<void> {
  await context.options.killLeftovers(cgroupPath(container.record)).catch((error) => {
    context.options.warn(
      `container ${nameOf(container).id}: what is left of it cannot be ended: ${messageOf(error)}`,
    );
  });
}

/**
 * The end of a container whose shim does not answer an engine that starts. One that was noted as about to start may have done
 * so: its exit record tells.
 */
export async function endedUnseen(context: Context, container: Container): Promise<void> {
  const { state } = container.record;
  // A stop that the engine before was asked for has been done meanwhile.
  container.stopping = state.ManuallyStopped;
  if (state.Status === "running" || state.Status === "paused")
    return exited(
      context,
      container,
      await endWithoutShim(context, container, whyUnseen(context, container)),
    );
  await killLeftovers(context, container);
  const recorded = await readExit(container.paths.exit);
  if (recorded === undefined) return notLaunched(context, container);
  Object.assign(state, {
    Status: next(state.Status, "start", nameOf(container)),
    StartedAt: recorded.startedAt,
  });
  exited(context, container, recorded);
}

function whyUnseen({ host }: Context, container: Container): string {
  const { Shim } = container.record.state;
  if (Shim?.Boot !== undefined && Shim.Boot !== host.boot) return "the host was started anew while it ran";
  return `${shimOf(container)} was killed or crashed while no daemon ran, and what ran was ended with it`;
}

/** The engine before had noted a shim for it, and ended before the launch: it is as it was, and a restart that was due is. */
async function notLaunched(context: Context, container: Container): Promise<void> {
  container.record.state.Shim = null;
  unmountSharedMemory(context, container);
  await context.options.images.unmount(nameOf(container).id);
  await saveState(context, container);
  if (container.record.state.Status === "restarting") scheduleRetry(context, container, FIRST_DELAY);
}

/** Takes the end into the state, tells of it, and sees to what follows. */
function exited(context: Context, container: Container, exit: End): void {
  const { state, host } = container.record;
  const duration = Date.parse(exit.finishedAt) - Date.parse(state.StartedAt);
  const delay = restartDelay(host.RestartPolicy, container.backoff, {
    exitCode: exit.exitCode,
    duration,
    stopped: container.stopping,
  });
  const told = state.OOMKilled;
  state.Status = next(state.Status, delay === undefined ? "exit" : "retry", nameOf(container));
  // Together with the status, so that a restart that a crash cut short is not counted twice.
  if (delay !== undefined) state.RestartCount++;
  Object.assign(state, {
    Pid: 0,
    Shim: null,
    ExitCode: exit.exitCode,
    OOMKilled: exit.oomKilled,
    FinishedAt: exit.finishedAt,
    Ending: endingOf(exit),
    ...(exit.lost !== undefined && { Error: exit.lost }),
  });
  container.live = undefined;
  clearTimeout(container.probeTimer);
  if (exit.oomKilled && !told) tell(context, container, { action: "oom" });
  const execDuration = String(Math.max(0, Math.trunc(duration / 1000)) || 0);
  tell(context, container, { action: "die", attributes: { exitCode: String(exit.exitCode), execDuration } });
  container.released = release(context, container);
  notify(container, "exit");
  if (delay !== undefined) scheduleRetry(context, container, delay);
  else notify(container, "down");
  if (host.AutoRemove) void removeWhenEnded(context, container);
}

function endingOf({ lost, signal, memory }: End): EndingRecord {
  return {
    Cause: lost !== undefined ? "lost" : signal === undefined ? "program" : "signal",
    ...(signal !== undefined && { Signal: signal }),
    ...(memory && { Memory: memory }),
  };
}

/** Whether its end is the end of its record, too. */
function goes({ record, leaving }: Container): boolean {
  return record.host.AutoRemove || leaving;
}

/** Gives back what a run held. A failure is logged; mounting and removing try again. */
async function release(context: Context, container: Container): Promise<void> {
  const { options } = context;
  const { id } = nameOf(container);
  await Promise.all([
    settled(() => unmountSharedMemory(context, container)),
    options.receipts.record(id, async () => {
      await options.images.unmount(id);
      if (container.record.config.MountPoints.length > 0)
        await (await import("./mounts/sources.ts")).releaseMounts(context, container);
    }),
    options.receipts.record(id, () => options.networks.release(id)),
    rm(container.bundle, { recursive: true, force: true }),
    goes(container) ? undefined : saveState(context, container, { sync: true }),
  ]).catch((error) => options.warn(`container ${id}: its end left something behind: ${messageOf(error)}`));
}

async function settled(work: () => void): Promise<void> {
  work();
}

async function removeWhenEnded(context: Context, container: Container): Promise<void> {
  await container
    .exclusive(() => context.remove(container))
    .catch((error) =>
      context.options.warn(`container ${nameOf(container).id} cannot be removed: ${messageOf(error)}`),
    );
}

/** Starts it again later, unless it is stopped or removed meanwhile. */
export function scheduleRetry(context: Context, container: Container, delay: number): void {
  container.retryTimer = setTimeout(() => {
    container.retryTimer = undefined;
    void container.exclusive(() => retry(context, container));
  }, delay);
}

async function retry(context: Context, container: Container): Promise<void> {
  const { state } = container.record;
  if (state.Status !== "restarting") return;
  await context.start(container).catch((error) => {
    context.options.warn(`container ${nameOf(container).id} cannot be started again: ${messageOf(error)}`);
    notify(container, "down");
  });
}

/** Gives up the restart that is due; the container counts as ended. */
export function cancelRetry(context: Context, container: Container): void {
  clearTimeout(container.retryTimer);
  container.retryTimer = undefined;
  const { state } = container.record;
  state.Status = next(state.Status, "exit", nameOf(container));
  void saveState(context, container, { sync: true });
  notify(container, "down");
}

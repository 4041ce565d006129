/**
 * What an engine that starts makes of the containers it finds: those whose shim answers go on under it; the others have ended,
 * and what they left is cleared.
 */

import { rm } from "node:fs/promises";
import { messageOf } from "../std/errors.ts";
import { cgroupPath } from "./cgroup_path.ts";
import { type Container, containerOf, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { beginProbes, hasProbe } from "./health/probes.ts";
import { reapplyLimits } from "./limits/update.ts";
import { recoverVolumes, removeNoted } from "./mounts/forget_volumes.ts";
import { clearStaging } from "./mounts/sources.ts";
import { settleEndpoints } from "./network/attach.ts";
import { unpauseContainer } from "./pause.ts";
import { completed, deadRecord } from "./record_defaults.ts";
import { type ConfigRecord, type Found, LOST_EXIT_CODE, NEVER, readRecords, recordPaths } from "./records.ts";
import { FIRST_DELAY, startsWithEngine } from "./restart_policy.ts";
import { saveState } from "./save.ts";
import { isUp, next } from "./state.ts";
import { sweepBundles, sweepMounts } from "./sweep.ts";
import { endedUnseen, scheduleRetry, watchExit } from "./watch.ts";

/** Takes over every container; a damaged one is shown as dead and stops nothing. Starts of policies follow when all are known. */
export async function recoverContainers(context: Context): Promise<void> {
  const found = await readRecords(context.options.root);
  const containers = (await Promise.all(found.map((one) => register(context, one)))).filter(
    (container) => container !== undefined,
  );
  await sweepBundles(context);
  await Promise.all(containers.map((container) => recoverOne(context, container)));
  const alive = containers.filter(({ live }) => live !== undefined).map((container) => nameOf(container).id);
  await context.options.networks.releaseAllBut(new Set(alive));
  for (const container of containers)
    await settleEndpoints(context, container).catch((error) =>
      context.options.warn(
        `container ${nameOf(container).id}: its networks cannot be noted: ${messageOf(error)}`,
      ),
    );
  context.options.volumes.settle();
  await sweepMounts(context);
  for (const container of containers) startIfDue(context, container);
}

async function register(context: Context, found: Found): Promise<Container | undefined> {
  if (found.kind === "unfinished") {
    await clear(context, found.id);
    return undefined;
  }
  if (found.kind === "damaged")
    context.options.warn(`container ${found.id} is damaged and can only be removed: ${found.damage}`);
  const record = found.kind === "whole" ? completed(context, found.record) : deadRecord(context, found);
  if (found.kind === "whole" && found.damage !== undefined)
    context.options.warn(
      `container ${found.id} is shown as ended with ${LOST_EXIT_CODE}, unless its exit is on record: ${found.damage}`,
    );
  const container = containerOf(context.options, record);
  reserveName(context, record.config);
  context.registry.add(container);
  await recoverVolumes(context, container, { live: false });
  return container;
}

/** A create or a removal that a crash cut short. */
async function clear(context: Context, id: string): Promise<void> {
  const { images, root, warn } = context.options;
  try {
    warn(
      `container ${id} has no config.json, as its making or removal was cut short: what is left of it is removed`,
    );
    await images.unmount(id);
    await images.remove(id);
    await removeNoted(context, recordPaths(root, id));
    await clearStaging(context, recordPaths(root, id));
    await rm(recordPaths(root, id).directory, { recursive: true, force: true });
  } catch (error) {
    warn(`the rest of container ${id}, which was never finished, cannot be removed: ${messageOf(error)}`);
  }
}

/** Two containers cannot have one name; the later keeps its ID as its name. */
function reserveName(context: Context, config: ConfigRecord): void {
  try {
    context.registry.reserve(config.Name, config.Id);
  } catch (error) {
    context.options.warn(`container ${config.Id} is shown by its ID: ${messageOf(error)}`);
    config.Name = config.Id;
    context.registry.reserve(config.Name, config.Id);
  }
}

/** The state may be older than the truth: a shim that is noted is asked, whatever the state says. */
async function recoverOne(context: Context, container: Container): Promise<void> {
  const { state, host } = container.record;
  const { id } = nameOf(container);
  const wasUp = state.Shim !== null && isUp(state.Status);
  try {
    await clearStaging(context, container.paths);
    if (state.Status === "dead") await context.options.killLeftovers(cgroupPath(container.record));
    else if (state.Shim !== null) await askShim(context, container, state.Shim.Socket);
    else if (isUp(state.Status)) goOn(context, container);
    // The end of one that was up has seen to this already.
    if (host.AutoRemove && !wasUp && container.live === undefined)
      await container.exclusive(() => context.remove(container));
  } catch (error) {
    context.options.warn(`container ${id} cannot be taken over: ${messageOf(error)}`);
  }
}

async function askShim(context: Context, container: Container, socket: string): Promise<void> {
  const { state } = container.record;
  const { Boot = context.host.boot } = state.Shim ?? {};
  // After a boot, whoever may listen there is not the shim that was noted.
  const shim = Boot === context.host.boot ? await context.options.shims.connect(socket) : undefined;
  const running = shim?.running;
  if (shim !== undefined && running?.id === nameOf(container).id) {
    const frozen = await context.options.cgroups.frozen(cgroupPath(container.record));
    Object.assign(state, { Status: frozen ? "paused" : "running", Pid: running.pid });
    state.StartedAt = running.startedAt;
    await recoverVolumes(context, container, { live: true });
    watchExit(context, container, shim);
    if (hasProbe(container)) void beginProbes(context, container);
    void saveState(context, container);
    await reapplyLimits(context, container);
    if (frozen && state.PausedFor !== undefined) await goOnAfter(context, container, state.PausedFor);
    return;
  }
  shim?.close();
  await endedUnseen(context, container);
}

/** What it had been paused for was cut short. */
async function goOnAfter(context: Context, container: Container, what: string): Promise<void> {
  context.options.warn(
    `container ${nameOf(container).id} was paused for a ${what} that was cut short: it goes on`,
  );
  await container.exclusive(() => unpauseContainer(context, container));
}

/** It waits for its restart, or is said to run without a shim, which no engine writes: nothing runs. */
function goOn(context: Context, container: Container): void {
  const { state } = container.record;
  if (state.Status === "restarting") scheduleRetry(context, container, FIRST_DELAY);
  else state.Status = next(state.Status, "exit", nameOf(container));
}

function startIfDue(context: Context, container: Container): void {
  const { state, host } = container.record;
  const due = startsWithEngine(host.RestartPolicy, { ...state, hasRun: state.StartedAt !== NEVER });
  if (container.live !== undefined || state.Status !== "exited" || !due) return;
  void container
    .exclusive(() => context.start(container))
    .catch((error) =>
      context.options.warn(`container ${nameOf(container).id} cannot be started: ${messageOf(error)}`),
    );
}

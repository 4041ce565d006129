/**
 * Starts a container: root file system, bundle and shim, then the program.
 *
 * What can be done at once is: while the snapshot is mounted and the bundle written, a shim is taken and noted down. The note
 * comes before the launch, so that a daemon that dies in between finds the container again; all else that is written waits
 * until the caller has been told.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Launch } from "../shim/protocol.ts";
import { configText } from "../spec/oci_text.ts";
import { messageOf } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { healthAtStart } from "./health/health.ts";
import { beginProbes, hasProbe } from "./health/probes.ts";
import { joinedPids, sharedFiles, sharedMemory } from "./joined.ts";
import { type Launched, launchOn, takeShim } from "./launch.ts";
import { findBlockIo } from "./limits/block_devices.ts";
import { targetOf } from "./log_target.ts";
import { mountSharedMemory, unmountSharedMemory } from "./mounts/shared_memory.ts";
import { linkedVariables } from "./network/links.ts";
import { connectContainer, refreshLinkers } from "./network/network.ts";
import { findDevices } from "./plan/devices.ts";
import { planRuntimeConfig } from "./plan/plan.ts";
import type { EndingRecord } from "./records.ts";
import { removeContainer } from "./remove.ts";
import { FIRST_DELAY } from "./restart_policy.ts";
import { saveState } from "./save.ts";
import { next } from "./state.ts";
import { tell } from "./tell.ts";
import { watchExit } from "./watch.ts";

/** Exit status of a container that was not started and whose failure names none, Docker's. */
const NOT_STARTED = 128;

/**
 * Starts it; the caller holds `exclusive`. A failure leaves nothing behind but the sentence in its state.
 * @throws {FathomError} of the state table, or of whatever failed.
 */
export async function startContainer(context: Context, container: Container): Promise<void> {
  const { state } = container.record;
  const status = next(state.Status, "start", nameOf(container));
  // As with Docker, a start that is none of its policy begins its counting anew.
  if (state.Status !== "restarting") {
    state.RestartCount = 0;
    Object.assign(container.backoff, { delay: FIRST_DELAY, failures: 0 });
  }
  await container.released;
  try {
    const { shim, pid, startedAt } = await context.options.receipts.record(nameOf(container).id, () =>
      launch(context, container),
    );
    Object.assign(state, {
      Status: status,
      Pid: pid,
      StartedAt: startedAt,
      Error: "",
      ExitCode: 0,
      OOMKilled: false,
      ...(hasProbe(container) && { Health: healthAtStart(state.Health) }),
      Ending: undefined,
      Asked: undefined,
    });
    state.ManuallyStopped = false;
    container.stopping = false;
    container.leaving = false;
    watchExit(context, container, shim);
  } catch (error) {
    await noteFailure(context, container, error);
    throw error;
  }
  tell(context, container, { action: "start" });
  if (hasProbe(container)) void beginProbes(context, container);
  void saveState(context, container);
  void refreshLinkers(context, container);
}

async function launch(context: Context, container: Container): Promise<Launched> {
  const log = targetOf(container);
  await using undo = new AsyncDisposableStack();
  const taking = takeShim(context, container);
  // That none could be taken is why the start fails, and is thrown below.
  undo.defer(async () => (await taking.catch(() => undefined))?.shim.close());
  undo.defer(() => context.options.images.unmount(nameOf(container).id));
  undo.defer(() => unmountSharedMemory(context, container));
  undo.defer(() => context.options.networks.release(nameOf(container).id));
  await using staged = new AsyncDisposableStack();
  const preparing = writeBundle(context, container, { staged, undo });
  undo.defer(() => rm(container.bundle, { recursive: true, force: true }));
  const [{ shim, attachments }] = await settleAll([taking, preparing]);
  const launched = await launchOn(context, container, {
    shim,
    launch: launchOf(context, container, { attachments, log }),
  });
  undo.move();
  return launched;
}

async function writeBundle(
  context: Context,
  container: Container,
  stacks: { staged: AsyncDisposableStack; undo: AsyncDisposableStack },
): Promise<void> {
  const { images } = context.options;
  const { id } = nameOf(container);
  const joined = joinedPids(context, container);
  const shm = sharedMemory(context, container);
  if (shm === container.paths.shm) await mountSharedMemory(context, container);
  const [rootfs, network] = await settleAll([images.mount(id), connectContainer(context, container)]);
  const [passwd = "", group = "", devices, blockIo, init] = await settleAll([
    images.readFile(id, "/etc/passwd"),
    images.readFile(id, "/etc/group"),
    findDevices(container.record.host),
    findBlockIo(container.record.host),
    initOf(context, container),
  ]);
  const hasMounts = container.record.config.MountPoints.length > 0;
  const sources = hasMounts
    ? await (await import("./mounts/sources.ts")).prepareMounts(context, container, stacks)
    : undefined;
  const config = planRuntimeConfig({
    record: container.record,
    facts: context.host,
    paths: {
      rootfs,
      ...sharedFiles(context, container),
      ...(init !== undefined && { init }),
      ...(shm !== undefined && { shm }),
    },
    users: { passwd, group },
    devices,
    blockIo,
    joined: { ...joined, ...(network !== undefined && { network }) },
    ...(sources && { sources }),
    linked: linkedVariables(context, container),
  });
  await writeConfig(container.bundle, configText(config));
}

/** The init's program, where one is wanted; a container among others' processes has none, as in Docker. */
async function initOf({ options }: Context, { record: { host } }: Container): Promise<string | undefined> {
  const wanted = host.Init ?? options.defaults.init;
  const alone = host.PidMode === "" || host.PidMode === "private";
  return wanted && alone ? options.initProgram() : undefined;
}

/** The directory is there before the first start; an end or a boot takes it away. */
async function writeConfig(bundle: string, text: string): Promise<void> {
  const write = () => writeFile(join(bundle, "config.json"), text, { mode: 0o600 });
  await write().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    await mkdir(bundle, { recursive: true, mode: 0o700 });
    await write();
  });
}

function launchOf(
  context: Context,
  container: Container,
  { attachments, log }: Pick<Launch, "attachments" | "log">,
): Launch {
  const { config, host } = container.record;
  const [rows, columns] = host.ConsoleSize;
  const names = context.options.networks.resolverOf(config.Id);
  return {
    id: config.Id,
    bundle: container.bundle,
    runtime: context.options.runtimes[host.Runtime]?.path ?? "native",
    cache: join(context.options.execRoot, "filters"),
    openStdin: config.Config.OpenStdin,
    stdinOnce: config.Config.StdinOnce,
    ...(rows > 0 && columns > 0 && { size: { columns, rows } }),
    log,
    exitFile: container.paths.exit,
    disposable: host.AutoRemove,
    receiptFile: container.paths.receipt,
    attachments,
    ...(names && { names }),
  };
}

/** Docker keeps the status and notes why; a container that was to go away at its end goes away now. */
async function noteFailure(context: Context, container: Container, error: unknown): Promise<void> {
  const { state, host } = container.record;
  if (state.Status === "restarting") state.Status = next(state.Status, "exit", nameOf(container));
  const Ending: EndingRecord = { Cause: "not-started" };
  Object.assign(state, { Pid: 0, Shim: null, ExitCode: exitCodeOf(error), Error: messageOf(error), Ending });
  await saveState(context, container);
  if (!host.AutoRemove) return;
  await removeContainer(context, container).catch((cause) =>
    context.options.warn(`container ${nameOf(container).id} cannot be removed: ${messageOf(cause)}`),
  );
}

function exitCodeOf(error: unknown): number {
  const code = error instanceof Error && "exitCode" in error ? error.exitCode : undefined;
  return typeof code === "number" ? code : NOT_STARTED;
}

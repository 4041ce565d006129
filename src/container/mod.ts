/**
 * Containers: from a request to a program that runs, and to its end.
 *
 * Owns: the records on disk and what is in memory of them; the statuses and the table they change by; names; the plan from a
 * record to an OCI bundle; restart policies; execs. Does not own: images and snapshots, the process beside each container, logs'
 * format, events' delivery: what it needs of them stands in needs.ts, and the daemon hands it in.
 *
 * Start: create.ts writes the record; start.ts mounts, plans (plan/, pure), writes the bundle and has a shim launch it; watch.ts
 * hears of the end. recover.ts takes over what an earlier engine left. Each noun that goes with a container has a folder: exec/,
 * health/, mounts/, network/, limits/ (with what is used of them), files/ (cp, diff, export, commit), isolation/, ending/ (why it ended).
 *
 * Invariants:
 * - Every change of status passes through the table in state.ts.
 * - One operation at a time works on a container; the end of its program and a kill wait for none.
 * - A start that fails leaves nothing mounted, no process and no bundle, and says why in the container's state.
 * - An engine killed at any instant loses no container: what is on disk and the shim's answer say all.
 */

import type { Duplex } from "node:stream";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainerTop,
  ContainerWaitResponse,
  ExecCreateRequest,
  ExecInspect,
} from "../spec/docker.ts";
import type { Ending } from "../spec/docker_ending.ts";
import type { AttachOptions, LogOptions, StopOptions, WaitCondition } from "../spec/docker_query.ts";
import type { Isolation } from "../spec/isolation.ts";
import { type Container, nameOf } from "./container.ts";
import type { ContainersOptions, Context } from "./context.ts";
import { type CreateOptions, createContainer } from "./create.ts";
import { type FileOperations, fileOperations } from "./files/operations.ts";
import { readHost } from "./host.ts";
import { type ResourceOperations, resourceOperations } from "./limits/operations.ts";
import type { ListOptions } from "./list.ts";
import { followHost } from "./network/names.ts";
import { type NetworkOperations, networkOperations } from "./network/operations.ts";
import type { ConfigRecord } from "./records.ts";
import { recoverContainers } from "./recover.ts";
import { registry } from "./registry.ts";
import { removeContainer } from "./remove.ts";
import { startContainer } from "./start.ts";
import { isUp, notRunning } from "./state.ts";
import { forceEnd, killContainer, restartContainer, stopContainer } from "./stop.ts";
import { waitFor } from "./wait.ts";

export { ENGINE_CGROUP } from "./cgroup_path.ts";
export type { ContainersOptions } from "./context.ts";

/** All containers of an engine. */
export interface Containers {
  /** What the API's container routes need. */
  readonly containers: ContainerOperations;
  /** What its exec routes need. */
  readonly execs: ExecOperations;
  /** What the routes about a container's share of the host need. */
  readonly resources: ResourceOperations;
  /** What its routes about files, commits and prunes need. */
  readonly files: FileOperations;
  /** What the routes about networks need. */
  readonly networks: NetworkOperations;
  /** How many there are in which state. */
  counts(): { running: number; paused: number; stopped: number };
  /** The containers made from an image. */
  usersOf(image: string): { id: string; running: boolean }[];
  /** The ID and name of a container named by ID, prefix or name. @throws {FathomError} not-found. */
  identify(name: string): { id: string; name: string };
  /** Why it ended; undefined while it runs, and before its first start. @throws {FathomError} not-found. */
  ending(name: string): Promise<Ending | undefined>;
  /** What it can do to its host and what it cannot. @throws {FathomError} not-found. */
  isolation(name: string): Promise<Isolation>;
  /** Resolves when it is not up (any more). */
  ended(name: string, signal: AbortSignal): Promise<void>;
  /** Lets go of the shims; the containers go on. Resolves when what was to be written is. */
  close(): Promise<void>;
}

type Attachment = { tty: boolean; stream: Duplex };

interface ContainerOperations {
  create(request: ContainerCreateRequest, options: CreateOptions): Promise<ContainerCreateResponse>;
  start(id: string): Promise<void>;
  stop(id: string, options: StopOptions): Promise<void>;
  restart(id: string, options: StopOptions): Promise<void>;
  kill(id: string, signal?: string): Promise<void>;
  wait(
    id: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ exit: Promise<ContainerWaitResponse> }>;
  rename(id: string, name: string): Promise<void>;
  remove(id: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  list(options: ListOptions): Promise<ContainerSummary[]>;
  inspect(id: string, options: { size: boolean }): Promise<ContainerInspect>;
  logs(
    id: string,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<{ tty: boolean; output: AsyncIterable<Uint8Array> }>;
  attach(id: string, options: AttachOptions): Promise<Attachment>;
  resize(id: string, size: { height: number; width: number }): Promise<void>;
  top(id: string, psArgs: string): Promise<ContainerTop>;
}

interface ExecOperations {
  create(containerId: string, request: ExecCreateRequest): Promise<{ Id: string }>;
  start(id: string, options: { tty: boolean; consoleSize?: [number, number] }): Promise<Attachment>;
  startDetached(id: string): Promise<void>;
  resize(id: string, size: { height: number; width: number }): Promise<void>;
  inspect(id: string): Promise<ExecInspect>;
}

/**
 * Opens the containers below `options.root`: takes over those that run, clears what others left, and starts those that are to
 * start with the engine.
 */
export async function openContainers(options: ContainersOptions): Promise<Containers> {
  const context: Context = {
    options,
    host: await readHost(options.cgroups.support()),
    registry: registry(),
    execs: new Map(),
    start: (container) => startContainer(context, container),
    remove: (container, how) => removeContainer(context, container, how),
  };
  await recoverContainers(context);
  options.hostNames.onChange((before, after) => followHost(context, { before, after }));
  const find = (name: string) => context.registry.find(name);
  return {
    containers: containerOperations(context),
    execs: execOperations(context),
    resources: resourceOperations(context),
    files: fileOperations(context),
    networks: networkOperations(context),
    counts: () => counts(context),
    usersOf: (image) => usersOf(context, image),
    identify: (name) => nameOf(find(name)),
    ending: async (name) => (await import("./ending/explain.ts")).explainEnding(find(name)),
    isolation: async (name) => (await import("./isolation/isolation.ts")).isolationOf(context, find(name)),
    ended: async (name, signal) => (await import("./wait.ts")).untilDown(find(name), signal),
    close: () => close(context),
  };
}

/** What is seldom called is loaded when it is. */
function containerOperations(context: Context): ContainerOperations {
  const find = (name: string) => context.registry.find(name);
  return {
    create: (request, options) => createContainer(context, request, options),
    start: async (id) => {
      const container = find(id);
      await container.exclusive(() => startContainer(context, container));
    },
    stop: async (id, options) => stopContainer(context, find(id), options),
    restart: async (id, options) => restartContainer(context, find(id), options),
    kill: async (id, signal) => killContainer(context, find(id), signal),
    wait: async (id, condition, signal) => ({ exit: waitFor(find(id), condition, signal) }),
    rename: async (id, name) => {
      const container = find(id);
      const { renameContainer } = await import("./rename.ts");
      await container.exclusive(() => renameContainer(context, container, name));
    },
    remove: (id, how) => remove(context, id, how),
    list: async (how) => (await import("./list.ts")).listContainers(context, how),
    inspect: async (id, how) => (await import("./inspect.ts")).inspectContainer(context, find(id), how),
    logs: async (id, how, signal) => (await import("./read_logs.ts")).readLogs(find(id), how, signal),
    attach: async (id, how) => {
      const container = find(id);
      const { attachTo } = await import("./attach.ts");
      return container.exclusive(() => attachTo(context, container, how));
    },
    resize: async (id, { height, width }) => {
      const container = find(id);
      if (container.live === undefined) throw notRunning(nameOf(container).id);
      await container.live.shim.resize({ columns: width, rows: height }, {});
    },
    top: async (id, psArgs) =>
      (await import("./limits/top.ts")).topOf(context.options.runProgram, find(id), psArgs),
  };
}

/** Those who remove by force do not wait for a stop that is under way. */
async function remove(
  context: Context,
  id: string,
  { force, link, volumes }: { force: boolean; link: boolean; volumes: boolean },
): Promise<void> {
  if (link) return (await import("./network/links.ts")).removeLink(context, id);
  const container = context.registry.find(id);
  if (force) await forceEnd(context, container);
  await container.exclusive(async () => {
    if (force) await forceEnd(context, container);
    await removeContainer(context, container, { volumes: volumes || container.record.host.AutoRemove });
  });
}

function execOperations(context: Context): ExecOperations {
  const load = () => import("./exec/exec.ts");
  return {
    create: async (id, request) => {
      const { createExec } = await load();
      return createExec(context, { container: context.registry.find(id), name: id }, request);
    },
    start: async (id, options) => {
      const { findExec, startAttached } = await load();
      return startAttached(context, findExec(context, id), options);
    },
    startDetached: async (id) => {
      const { findExec, startDetached } = await load();
      await startDetached(context, findExec(context, id));
    },
    resize: async (id, size) => {
      const { findExec, resizeExec } = await load();
      await resizeExec(context, findExec(context, id), size);
    },
    inspect: async (id) => {
      const { findExec, inspectExec } = await load();
      return inspectExec(findExec(context, id));
    },
  };
}

function counts(context: Context): { running: number; paused: number; stopped: number } {
  const statuses = context.registry.all().map(({ record }) => record.state.Status);
  const running = statuses.filter((status) => status === "running" || status === "restarting").length;
  const paused = statuses.filter((status) => status === "paused").length;
  return { running, paused, stopped: statuses.length - running - paused };
}

function usersOf(context: Context, image: string): { id: string; running: boolean }[] {
  return context.registry
    .all()
    .filter(({ record: { config } }) => config.Image === image || mountsImage(config, image))
    .map(({ record }) => ({ id: record.config.Id, running: isUp(record.state.Status) }));
}

function mountsImage({ MountPoints }: ConfigRecord, image: string): boolean {
  return MountPoints.some(({ Type, Source }) => Type === "image" && Source === image);
}

async function close(context: Context): Promise<void> {
  await Promise.all(context.registry.all().map(closeOne));
}

async function closeOne(container: Container): Promise<void> {
  clearTimeout(container.retryTimer);
  clearTimeout(container.probeTimer);
  // Where taking a shim failed, whoever attached was told, and there is none to close.
  const pending = await container.pending?.catch(() => undefined);
  pending?.shim.close();
  const { live } = container;
  container.live = undefined;
  live?.shim.close();
  await container.released;
  await container.saved;
}

/**
 * The composition root: opens every part of the engine, hands each what it needs of the others, and serves the API.
 *
 * Everything is wired by hand, here and nowhere else. What is opened registers its end on the next line, so that a start that
 * fails half-way leaves nothing, and a stop goes in reverse order. Containers go on in either case.
 */

import { join } from "node:path";
import { type Backends, serve } from "../api/mod.ts";
import { type Containers, ENGINE_CGROUP, openContainers } from "../container/mod.ts";
import { openReceipts, type ReceiptSubject } from "../explain/mod.ts";
import {
  chooseDriver,
  countImages,
  type ImageStore,
  openImages,
  recoverImages,
  type SnapshotDriver,
  settleImages,
} from "../image/mod.ts";
import { recording, removeEmptyCgroup } from "../kernel/mod.ts";
import { shims } from "../shim/mod.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { selfCommand } from "../std/self.ts";
import { cgroups } from "./cgroups.ts";
import type { DaemonConfig } from "./config.ts";
import { containerDefaults } from "./container_flags.ts";
import { type EventBus, eventBus } from "./events.ts";
import { containerFiles } from "./files.ts";
import { backingFilesystem, findRuntimes, initWriter, killLeftovers, runProgram } from "./host.ts";
import { hostNames } from "./host_names.ts";
import { containerImages, imageArchiveBackend, imageBackend } from "./images.ts";
import { engineId, type Facts, info, version } from "./info.ts";
import { layerBackend } from "./layers.ts";
import { listenersOf } from "./listeners.ts";
import type { Log } from "./log.ts";
import { defaultLogOf } from "./log_options.ts";
import { networkBackend, openEngineNetworks } from "./networks.ts";
import { claimPidfile } from "./pidfile.ts";
import { prunePlans } from "./prune_plan.ts";
import { readOnlyBackends } from "./read_only.ts";
import { registryBackend } from "./registries.ts";
import { openReserve, withReserve } from "./reserve.ts";
import { makeDataRoot, makeExecRoot } from "./root.ts";
import { sharedMemory } from "./shared_memory.ts";
import { sizes } from "./sizes.ts";
import { engineTrash, volumesWithTrash } from "./trash_keepers.ts";
import { diskUsage, pruneBackend } from "./usage.ts";
import { readIdMaps } from "./userns_remap.ts";
import { hostMounts, openVolumeStore } from "./volumes.ts";

/** A running engine; disposing it stops the API and lets go of the containers. */
export interface Engine extends AsyncDisposable {
  /** Where the API listens, in DOCKER_HOST's notation. */
  addresses: string[];
}

/** @throws {FathomError} when another daemon holds the roots or a socket, or the configuration cannot be had on this host. */
export async function openEngine(config: DaemonConfig, log: Log): Promise<Engine> {
  await using stack = new AsyncDisposableStack();
  // A host without control groups is told so before anything is made.
  const cgroupVersion = cgroups.version();
  const listeners = await listenersOf(config);
  const defaultLog = await defaultLogOf(config);
  const { writable } = await makeDataRoot(config.dataRoot);
  await makeExecRoot(config.execRoot);
  stack.use(await claimPidfile(config.pidfile));
  if (writable) stack.use(await claimPidfile(join(config.dataRoot, "daemon.pid"), { outlivesBoot: true }));
  else
    log(
      "error",
      `${config.dataRoot} is mounted read-only: what is there is shown, and nothing is made or started`,
    );

  stack.defer(() => removeEmptyCgroup(ENGINE_CGROUP));
  const runtimes = findRuntimes();
  const events = eventBus();
  const { driver, notice } = await chooseDriver(config.dataRoot, { wanted: config.storageDriver, writable });
  if (notice !== undefined) log("warn", notice);
  const images = openImageStore(config, { driver, events, users: (image) => containers.usersOf(image) });
  stack.defer(() => settleImages(images));
  await recoverImages(images).catch((error) =>
    log("error", `images cannot be used until this is mended, and containers go on: ${messageOf(error)}`),
  );
  const idMaps = await readIdMaps(config.usernsRemap);
  const volumes = await openVolumeStore(config, { events, log, idMaps });
  const receipts = openReceipts({
    containersDirectory: join(config.dataRoot, "containers"),
    recording,
    find: (name) => subjectOf(containers, name),
  });
  const pool = await shims({ runDirectory: join(config.execRoot, "shims"), command: selfCommand(["shim"]) });
  stack.defer(() => pool.close());
  const networks = await openEngineNetworks(config, { events, log });
  stack.defer(() => networks.close());
  const names = hostNames({ execRoot: config.execRoot, warn: (sentence) => log("warn", sentence) });
  stack.defer(() => names.close());
  const containers: Containers = await openContainers({
    root: join(config.dataRoot, "containers"),
    execRoot: config.execRoot,
    images: containerImages(images),
    networks,
    files: containerFiles(images),
    shims: pool,
    receipts,
    emit: ({ action, id, attributes }) => events.emit({ Type: "container", Action: action, id, attributes }),
    killLeftovers,
    cgroups,
    runProgram,
    volumes,
    hostNames: names,
    mounts: hostMounts(images),
    sharedMemory,
    runtimes,
    defaultLog,
    defaults: containerDefaults(config),
    initProgram: initWriter(config.execRoot),
    defaultRuntime: knownRuntime(config.defaultRuntime, runtimes),
    idMaps,
    warn: (sentence) => log("warn", sentence),
  });
  stack.defer(() => containers.close());

  const id = await engineId(config.dataRoot);
  const trash = stack.use(engineTrash(config, { images, volumes, log }));
  const facts = async (): Promise<Facts> => ({
    containers: containers.counts(),
    images: await countImages(images).catch(() => 0), // Why they cannot be read is in the log.
    listeners: events.listeners(),
    limits: cgroups.support(),
    cgroupVersion,
    driver: { name: driver.name, status: driver.status(await backingFilesystem(config.dataRoot)) },
    runtimes,
    firewall: networks.firewall(),
    warnings: networks.warnings(),
  });
  const volumeSizes = sizes<number>();
  const backends: Backends = {
    system: {
      version: async () => version(),
      info: async () => info(config, id, await facts()),
      events: (query, signal) => events.subscribe(query, signal),
    },
    containers: containers.containers,
    exec: containers.execs,
    resources: containers.resources,
    isolation: { get: (name) => containers.isolation(name) },
    files: containers.files,
    commits: containers.files,
    prune: pruneBackend({ containers, images, networks, events, tidy: trash.tidy }),
    fsck: {
      check: async (how) => {
        const { fsck } = await import("./fsck.ts");
        const known = async () => new Set((await statusesOf(containers)).keys());
        return fsck({ dataRoot: config.dataRoot, images, containers: known }).check(how);
      },
    },
    prunePlans: prunePlans({ engine: id, containers, images, volumes, tidy: trash.tidy }),
    trash: { ...trash, setLocked: (name, locked) => volumes.setLocked(name, locked) },
    usage: { diskUsage: (kinds) => diskUsage({ containers, images, volumes, volumeSizes }, kinds) },
    images: imageBackend(images),
    imageArchives: imageArchiveBackend(images),
    layers: layerBackend(images),
    registry: registryBackend({ images, events, config }),
    networks: networkBackend(networks, containers),
    volumes: volumesWithTrash(volumes, trash.tidy),
    doctor: {
      examine: async ({ fix }) =>
        (await import("./doctor/examine.ts")).examine(config, {
          fix,
          known: () => statusesOf(containers),
          warnings: () => networks.warnings(),
        }),
    },
    reach: {
      reach: async (name) =>
        (await import("./reach.ts")).reach({ containers: containers.containers, networks }, name),
    },
    whois: {
      whois: async (asked) =>
        (await import("./whois/whois.ts")).whois(
          { ...config, containers: containers.containers, wiring: () => networks.wiring() },
          asked,
        ),
    },
    receipts: {
      get: (name) => receipts.get(name),
      tell: (name, how, signal) => receipts.tell(name, how, signal),
    },
  };
  const report = (error: unknown): void => log("error", messageOf(error), causeOf(error));
  const reserve = openReserve(config.dataRoot);
  const served = writable ? withReserve(backends, reserve) : readOnlyBackends(backends, config.dataRoot);
  const api = await serve({ backends: served, listeners, report });
  stack.defer(() => api.close());
  // Nobody waits for it.
  const filled = writable ? reserve.fill().catch(report) : undefined;
  stack.defer(() => filled);
  const running = stack.move();
  return { addresses: api.addresses, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function openImageStore(
  config: DaemonConfig,
  { driver, events, users }: { driver: SnapshotDriver; events: EventBus; users: Containers["usersOf"] },
): ImageStore {
  return openImages({
    root: config.dataRoot,
    driver,
    usersOf: users,
    emit: ({ action, id, attributes }) => events.emit({ Type: "image", Action: action, id, attributes }),
  });
}

/** Of every container, as it is now. */
async function statusesOf({ containers }: Containers): Promise<Map<string, string>> {
  const all = await containers.list({ all: true, limit: 0, size: false, filters: {} });
  return new Map(all.map(({ Id, State }) => [Id, State]));
}

async function subjectOf(containers: Containers, name: string): Promise<ReceiptSubject> {
  const { Id, Name, State } = await containers.containers.inspect(name, { size: false });
  const ending = await containers.ending(Id);
  return {
    ...(ending && { ending }),
    id: Id,
    name: Name.slice(1),
    pid: State.Pid,
    ended: State.Status === "exited" || State.Status === "dead",
  };
}

function knownRuntime(name: string, runtimes: Record<string, { path?: string }>): string {
  if (name in runtimes) return name;
  if (name.startsWith("/")) {
    runtimes[name] = { path: name };
    return name;
  }
  const known = Object.keys(runtimes).join(", ");
  throw new FathomError(
    "invalid",
    `unknown default runtime ${name}: installed are ${known}; or give the path of one`,
  );
}

/** What lies behind an error, for the log. */
function causeOf(error: unknown): Record<string, string> {
  const cause = error instanceof Error ? error.cause : undefined;
  const stack = error instanceof Error && !(error instanceof FathomError) ? error.stack : undefined;
  return { ...(cause !== undefined && { cause: messageOf(cause) }), ...(stack !== undefined && { stack }) };
}

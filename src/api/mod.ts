/**
 * The Docker Engine API: what the docker command, and everything else that speaks to Docker, talks to.
 *
 * Owns: listening, HTTP, versions, routes, the checking of requests, the wording and status of errors.
 * Does not own: anything a request is about. Each file of `routes/` declares the backend it needs; the daemon hands
 * in something that fits.
 *
 * Invariants:
 * - A backend sees only values of the declared types, whatever a client sends.
 * - An error is answered before a stream begins, never in the middle of one.
 * - Headers of an attached stream go out only once the attachment is in place.
 * - When a client leaves, the signal that its backend call was given fires.
 */

import type { AddressInfo, Server } from "node:net";
import { API_VERSION, VERSION } from "../std/version.ts";
import { createDispatch } from "./_dispatch.ts";
import { type Listener, listen } from "./_listen.ts";
import { createHttpServer } from "./http/mod.ts";
import type { Route } from "./route.ts";
import { archiveRoutes, type FileBackend } from "./routes/archive.ts";
import { type CommitBackend, commitRoutes } from "./routes/commit.ts";
import { type ContainerBackend, containerRoutes } from "./routes/containers.ts";
import { type DoctorBackend, doctorRoutes } from "./routes/doctor.ts";
import { type ExecBackend, execRoutes } from "./routes/exec.ts";
import { type FsckBackend, fsckRoutes } from "./routes/fsck.ts";
import { type ImageArchiveBackend, imageArchiveRoutes } from "./routes/image_archives.ts";
import { type ImageBackend, imageRoutes } from "./routes/images.ts";
import { type IsolationBackend, isolationRoutes } from "./routes/isolation.ts";
import { type LayerBackend, layerRoutes } from "./routes/layers.ts";
import { type NetworkBackend, networkRoutes } from "./routes/networks.ts";
import { type PruneBackend, pruneRoutes } from "./routes/prune.ts";
import { type PrunePlanBackend, prunePlanRoutes } from "./routes/prune_plan.ts";
import { type ReachBackend, reachRoutes } from "./routes/reach.ts";
import { type ReceiptBackend, receiptRoutes } from "./routes/receipts.ts";
import { type RegistryBackend, registryRoutes } from "./routes/registry.ts";
import { type ResourceBackend, resourceRoutes } from "./routes/resources.ts";
import { streamRoutes } from "./routes/streams.ts";
import { type SystemBackend, systemRoutes } from "./routes/system.ts";
import { type TrashBackend, trashRoutes } from "./routes/trash.ts";
import { type UsageBackend, usageRoutes } from "./routes/usage.ts";
import { type VolumeBackend, volumeRoutes } from "./routes/volumes.ts";
import { type WhoisBackend, whoisRoutes } from "./routes/whois.ts";

export type { Listener, TcpListener, UnixListener } from "./_listen.ts";

/** The engine behind the routes. */
export interface Backends {
  system: SystemBackend;
  containers: ContainerBackend;
  exec: ExecBackend;
  images: ImageBackend;
  imageArchives: ImageArchiveBackend;
  layers: LayerBackend;
  receipts: ReceiptBackend;
  isolation: IsolationBackend;
  doctor: DoctorBackend;
  reach: ReachBackend;
  whois: WhoisBackend;
  networks: NetworkBackend;
  volumes: VolumeBackend;
  resources: ResourceBackend;
  files: FileBackend;
  commits: CommitBackend;
  prune: PruneBackend;
  prunePlans: PrunePlanBackend;
  fsck: FsckBackend;
  trash: TrashBackend;
  usage: UsageBackend;
  registry: RegistryBackend;
}

export interface ServeOptions {
  backends: Backends;
  listeners: Listener[];
  /** Takes errors that are our own fault, and those that no client could be told of. Called once for each. */
  report: (error: unknown) => void;
}

/** A serving API. */
export interface ApiServer {
  /** Where it listens, in DOCKER_HOST's notation, in the order of the listeners. */
  addresses: string[];
  /**
   * Stops listening, ends waits and streams, lets other requests finish for `graceMs` milliseconds (5,000 unless told),
   * and removes the unix sockets.
   */
  close(graceMs?: number): Promise<void>;
}

/** Starts the API on all listeners, or on none when one of them fails. */
export async function serve(options: ServeOptions): Promise<ApiServer> {
  const http = createHttpServer({
    handler: createDispatch(routesOf(options.backends), options.report),
    report: options.report,
    fields: {
      "Api-Version": API_VERSION,
      "Docker-Experimental": "false",
      Ostype: "linux",
      Server: `Fathom/${VERSION} (linux)`,
    },
  });
  await using undo = new AsyncDisposableStack();
  const addresses: string[] = [];
  for (const listener of options.listeners) {
    const server = await listen(listener, http.accept);
    undo.defer(() => closeServer(server));
    addresses.push(addressOf(listener, server));
  }
  const servers = undo.move();
  return {
    addresses,
    async close(graceMs = 5_000) {
      const stopped = servers.disposeAsync();
      await http.close(graceMs);
      await stopped;
    },
  };
}

/** Every route there is, in the order of the files that declare them. */
export function routesOf(backends: Backends): Route[] {
  return [
    ...systemRoutes(backends.system),
    ...containerRoutes(backends.containers),
    ...streamRoutes(backends.containers),
    ...execRoutes(backends.exec),
    ...imageRoutes(backends.images, backends.registry),
    ...imageArchiveRoutes(backends.imageArchives),
    ...layerRoutes(backends.layers),
    ...registryRoutes(backends.registry),
    ...receiptRoutes(backends.receipts),
    ...isolationRoutes(backends.isolation),
    ...doctorRoutes(backends.doctor),
    ...reachRoutes(backends.reach),
    ...whoisRoutes(backends.whois),
    ...fsckRoutes(backends.fsck),
    ...prunePlanRoutes(backends.prunePlans),
    ...trashRoutes(backends.trash),
    ...networkRoutes(backends.networks),
    ...volumeRoutes(backends.volumes),
    ...resourceRoutes(backends.resources),
    ...archiveRoutes(backends.files),
    ...commitRoutes(backends.commits),
    ...pruneRoutes(backends.prune),
    ...usageRoutes(backends.usage),
  ];
}

function addressOf(listener: Listener, server: Server): string {
  if (listener.kind === "unix") return `unix://${listener.path}`;
  const { port } = server.address() as AddressInfo;
  return `tcp://${listener.host.includes(":") ? `[${listener.host}]` : listener.host}:${port}`;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

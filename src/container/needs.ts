/**
 * What containers need of the rest of the engine. The daemon hands in what satisfies it.
 *
 * Declared by the consumer: a container knows nothing of how layers are stored or who listens to events. What it needs of
 * shims stands in shim/handle.ts.
 */

import type { EndpointRequest, EndpointSettings } from "../spec/docker_network.ts";
import type { Digest, ImageConfig } from "../spec/oci_image.ts";
import type { IdMaps, Resources } from "../spec/oci_runtime.ts";
import type { Step } from "../spec/receipt.ts";
import type { NetworkRate } from "../std/network_rate.ts";
import type { Ulimit } from "../std/ulimit.ts";

/** Images, and the writable snapshot that each container has on top of one. */
export interface Images {
  /** By reference, ID or unambiguous prefix. Throws not-found with Docker's wording (`No such image: x:latest`). */
  resolve(name: string): Promise<{ id: Digest; config: ImageConfig }>;
  /** The images that were made from this one, or from one that was, and itself. */
  descendants(id: Digest): Promise<ReadonlySet<Digest>>;
  /** Makes the container's snapshot directories; nothing is mounted yet. The image cannot be removed while it exists. */
  prepare(containerId: string, image: Digest, options: PrepareOptions): Promise<void>;
  /** Mounts the snapshot at the container's rootfs directory and gives that path; mounting a mounted one is no error. */
  mount(containerId: string): Promise<string>;
  /** Undoes mount; no error when it is not mounted. */
  unmount(containerId: string): Promise<void>;
  /** Removes the snapshot with all that was written to it. */
  remove(containerId: string): Promise<void>;
  /** A file of the mounted snapshot, its path resolved inside the root whatever its links say; undefined when absent. */
  readFile(containerId: string, path: string): Promise<string | undefined>;
  /** Docker's GraphDriver of the snapshot. */
  graphDriver(containerId: string): Promise<{ Name: string; Data: Record<string, string> | null }>;
  /** Bytes written by the container, and bytes of the whole. */
  sizes(containerId: string): Promise<{ rw: number; rootfs: number }>;
}

interface PrepareOptions {
  /** The container goes when it ends (`--rm`): what it writes need not outlast a crash of the host. */
  disposable: boolean;
  /** The most bytes that it may write (`--storage-opt size`); absent: no bound. */
  size?: number | undefined;
  /** For a user namespace: the users of the host as whom the container's appear. */
  idMaps?: IdMaps | undefined;
}

/** What a container is connected by while it runs. */
export interface Networks {
  /** Connects it, giving back what it had before. Throws not-found in Docker's words for a network that is none. */
  connect(request: {
    container: string;
    /** In the order of its links. */
    networks: readonly EndpointWish[];
    /** Ports of the host that are to lead to it. Throws, in Docker's words, where somebody has one; `nameOf` names containers then. */
    published?: { wishes: readonly PortWish[]; nameOf: (containerId: string) => string } | undefined;
    rate?: NetworkRate | undefined;
    resolver?: ResolverWish;
    users?: IdMaps | undefined;
  }): Promise<Connection>;
  /** Where its resolver is to be, and the path of its table; undefined without one. */
  resolverOf(containerId: string): { namespace: string; table: string } | undefined;
  setResolver(containerId: string, resolver: ResolverWish): Promise<void>;
  /** Under which names others find it from now on. */
  setNames(containerId: string, wishes: readonly EndpointWish[]): Promise<void>;
  /** Limits anew how fast it receives and sends. Throws conflict where it is not connected. */
  setRate(containerId: string, rate: NetworkRate): Promise<void>;
  /** No error when it has nothing. */
  release(containerId: string): Promise<void>;
  /** The same for all that an earlier engine left, but for containers that still run. */
  releaseAllBut(containerIds: ReadonlySet<string>): Promise<void>;
  /** Undefined while it is not connected. */
  connectionOf(containerId: string): Connection | undefined;
  /** Connects one that runs to one more network. */
  join(containerId: string, wish: EndpointWish): Promise<Connection>;
  /** Takes one that runs from a network. */
  leave(containerId: string, network: string): Promise<Connection>;
  /** By name, ID or the beginning of an ID; undefined where there is none. */
  find(network: string): { id: string; name: string } | undefined;
  /** What a user should know who publishes these ports: sentences. */
  exposureWarnings(
    ports: readonly { protocol: PortWish["protocol"]; address: string; port: number }[],
  ): Promise<string[]>;
  /** The address under which containers reach the host: what `host-gateway` stands for. */
  hostGateway(): Promise<string>;
}

/** Whom its resolver asks for other names, from its own network or the host's, and whether its own options say `ndots`. */
export interface ResolverWish {
  Servers: { address: string; port: number; from: "container" | "host" }[];
  Ndots: boolean;
}

/** What it asks of one network, by name or ID. */
export interface EndpointWish {
  network: string;
  asked?: EndpointRequest;
  /** The names by which others on the network are to find it. */
  dnsNames?: readonly string[];
}

/** Ports of the host that are to lead to a container. */
export interface PortWish {
  protocol: "tcp" | "udp" | "sctp";
  /** Of the host; empty for the engine's default. */
  address: string;
  container: { first: number; last: number };
  /** As many as the container's; more than the one port of the container: one of them; absent: whatever is free. */
  host?: { first: number; last: number };
}

/** Ports of the host, side by side, that lead to as many of a container's. */
export interface PublishedPorts {
  Protocol: string;
  HostIp: string;
  HostPort: number;
  ContainerPort: number;
  Count: number;
}

export interface Connection {
  sandboxId: string;
  /** Path of the network namespace; empty where it is the host's, or the runtime makes one. */
  sandboxKey: string;
  /** By the name of the network. */
  endpoints: Record<string, EndpointSettings>;
  ports: readonly PublishedPorts[];
}

/** What containers get that ask for nothing else. */
export interface ContainerDefaults {
  init: boolean;
  /** Bytes. */
  shmSize?: number;
  ulimits: readonly Ulimit[];
  /** Servers, search domains and options of resolv.conf(5); empty: the host's. */
  names: { servers: readonly string[]; search: readonly string[]; options: readonly string[] };
}

/** The host's resolv.conf. */
export interface HostNames {
  own: string;
  /** For who cannot reach the host's loopback: what the resolver that the host runs there asks itself, where that is known. */
  beyondLoopback: string;
}

/** Tells the host's resolv.conf, and when it has become another. */
export interface HostNamesSource {
  read(): Promise<HostNames>;
  /** One listener; `before` is what was told last, by an earlier engine too. */
  onChange(changed: (before: HostNames, after: HostNames) => Promise<void>): void;
}

/** Where container events go. They report; they never drive. */
export type Emit = (event: { action: string; id: string; attributes: Record<string, string> }) => void;

/** Receipts of containers. */
export interface Receipts {
  /** Runs work so that its steps join the container's receipt, and appends them to its file. */
  record<T>(containerId: string, work: () => Promise<T>): Promise<T>;
  append(containerId: string, steps: Step[]): Promise<void>;
}

/** Kills whatever still runs in the control group of a container whose shim is gone, and removes the group; no error when none. */
export type KillLeftovers = (cgroupPath: string) => Promise<void>;

/** Which limits the host knows. */
export interface LimitSupport {
  memory: boolean;
  swap: boolean;
  swappiness: boolean;
  reservation: boolean;
  oomKillDisable: boolean;
  pids: boolean;
  cpuShares: boolean;
  cpuQuota: boolean;
  cpuRealtime: boolean;
  cpuset: boolean;
  blockWeight: boolean;
  blockWeightDevice: boolean;
  /** Bytes and operations a second on a block device. */
  blockRates: boolean;
  /** What a container may choose from, in cpuset's notation: `0-3,7`. */
  cpus: string;
  memoryNodes: string;
}

export interface GroupDirectories {
  version: 1 | 2;
  directoryOf(controller: string): string | undefined;
}

/** Control groups: what they can do, and those of containers that run, by their path. */
export interface Cgroups {
  support(): LimitSupport;
  /** Stops all processes where they stand; resolves when they do. Throws conflict where there is no such group. */
  freeze(path: string): Promise<void>;
  thaw(path: string): Promise<void>;
  /** Sets the limits that are given. Throws where the kernel refuses one; those before it are set then. */
  update(path: string, limits: Resources): Promise<void>;
  /**
   * Calls `killed` when the kernel has killed a process of the group for want of memory, before the call too; undefined where there
   * is no such group, or nothing to hear. Ends with its disposal.
   */
  watchOom(
    path: string,
    on: { killed: () => void; failed: (sentence: string) => void },
  ): Disposable | undefined;
  /** Where the files of a group are, by controller; undefined where there is no such group. */
  directories(path: string): GroupDirectories | undefined;
  /** What the kernel says; false where there is no such group. */
  frozen(path: string): Promise<boolean>;
}

/** File systems in memory, mounted on the host. */
export interface SharedMemory {
  /** `size` in bytes. */
  mount(path: string, size: number): void;
  /** No error when nothing is mounted. */
  unmount(path: string): void;
}

/** Runs a program of the host to its end; undefined when it is not installed. */
export type RunProgram = (
  command: readonly string[],
) => Promise<{ exitCode: number; stdout: string; stderr: string } | undefined>;

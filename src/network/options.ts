/** What the engine's networks are opened with, and what callers see of them. */

import type {
  EndpointRequest,
  EndpointSettings,
  NetworkCreateRequest,
  NetworkResource,
} from "../spec/docker_network.ts";
import type { NetworkPruneResponse } from "../spec/docker_usage.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import type { Reach } from "../spec/reach.ts";
import type { NetworkRate } from "../std/network_rate.ts";
import type { BackendName } from "./backends/backend.ts";
import type { Filters } from "./filters.ts";
import type { RunWithInput } from "./forwarding/run.ts";
import type { PortWish, PublishedRange } from "./ports/port.ts";
import type { ResolverWish } from "./records.ts";
import type { BridgeSettings } from "./settings.ts";
import type { Wiring } from "./wiring.ts";

export interface NetworksOptions {
  dataRoot: string;
  execRoot: string;
  settings: BridgeSettings;
  /** Takes events of networks: `create`, `connect`, `disconnect` and `destroy`. */
  emit: (event: { action: string; id: string; attributes: Record<string, string> }) => void;
  /** Runs a program of the host. */
  run: RunWithInput;
  /** Takes one sentence for the log. */
  warn: (sentence: string) => void;
}

/** What a container asks of networks when it starts. */
export interface ConnectRequest {
  container: string;
  /** In the order of its links: the first has `eth0`. */
  networks: readonly EndpointWish[];
  /** Ports of the host that are to lead to it. `nameOf` gives the name of a container, for an error. */
  published?: { wishes: readonly PortWish[]; nameOf: (container: string) => string } | undefined;
  rate?: NetworkRate | undefined;
  /** For one that is on a network where names are found. */
  resolver?: ResolverWish;
  /** Of a container with users of its own: who they are on the host. Its root has power over its network then. */
  users?: IdMaps | undefined;
}

/** What a container asks of one network. */
export interface EndpointWish {
  /** Name or ID of the network. */
  network: string;
  asked?: EndpointRequest;
  /** The names by which others on the network are to find it. */
  dnsNames?: readonly string[];
}

/** What callers have to know of a network to ask something of it. */
export interface FoundNetwork {
  id: string;
  name: string;
}

/** How a container is connected while it runs. */
export interface Connection {
  sandboxId: string;
  /** Path of its network namespace; empty where it is the host's, or the runtime makes one. */
  sandboxKey: string;
  /** By the name of the network, as Docker shows them. */
  endpoints: Record<string, EndpointSettings>;
  /** The ports of the host that lead to it. */
  ports: readonly PublishedRange[];
}

/**
 * The networks of an engine.
 *
 * A container is connected before it starts and released after its end, by whoever sees that end: `release` of one that holds
 * nothing is no error, and `releaseAllBut` is for an engine that starts and knows which containers still run.
 *
 *     const { sandboxKey } = await networks.connect({ container: id, networks: [{ network: "bridge" }] });
 *     // … the container runs in the namespace at sandboxKey …
 *     await networks.release(id);
 */
export interface Networks {
  /** @throws {FathomError} not-found for the network; unavailable when no address is left. */
  connect(request: ConnectRequest): Promise<Connection>;
  /**
   * Connects a container that runs to one more network.
   * @throws {FathomError} not-found for the network; forbidden where it is on it; conflict where it has no namespace of its own.
   */
  join(container: string, wish: EndpointWish): Promise<Connection>;
  /** Takes a container that runs from a network. @throws {FathomError} not-found for the network; forbidden where it is not on it. */
  leave(container: string, network: string): Promise<Connection>;
  /** Gives its ID. @throws {FathomError} in Docker's words, and then nothing was made. */
  create(request: NetworkCreateRequest): Promise<string>;
  /** @throws {FathomError} not-found; forbidden for one that is used or always there. */
  remove(name: string): Promise<void>;
  /** Removes those that no container is on. @throws {FathomError} invalid, for a filter that there is none of. */
  prune(filters: Filters): Promise<NetworkPruneResponse>;
  /** Limits anew how fast a connected container receives and sends. @throws {FathomError} conflict, when it is not connected. */
  setRate(container: string, rate: NetworkRate): Promise<void>;
  /** Where the resolver of a connected container is to be, and the path of its table; undefined for one without. */
  resolverOf(container: string): { namespace: string; table: string } | undefined;
  /** How a connected container finds other names from now on; no error for one without a resolver. */
  setResolver(container: string, resolver: ResolverWish): Promise<void>;
  /** Under which names a connected container is found from now on, on the networks that it wishes for. */
  setNames(container: string, wishes: readonly EndpointWish[]): Promise<void>;
  release(container: string): Promise<void>;
  releaseAllBut(containers: ReadonlySet<string>): Promise<void>;
  /** Undefined while it is not connected. */
  connectionOf(container: string): Connection | undefined;
  /** By name, ID or the beginning of an ID; undefined where there is none. */
  find(network: string): FoundNetwork | undefined;
  /** The address under which containers reach the host: what `host-gateway` means. */
  hostGateway(): Promise<string>;
  /** Newest first, without the containers on them. @throws {FathomError} invalid, for a filter there is none of. */
  list(filters: Filters): Promise<NetworkResource[]>;
  /** By name, ID or the beginning of an ID; `nameOf` gives a container's name. @throws {FathomError} not-found */
  inspect(name: string, nameOf: (container: string) => string): Promise<NetworkResource>;
  /** From where a container's ports are reached; `sockets` are those that listen in it. */
  reach(
    container: string,
    sockets: readonly { protocol: "tcp" | "udp"; address: string; port: number }[],
  ): Pick<Reach, "Addresses" | "Ports">;
  /** The same of a container on the host's network: `sockets` are those of its programs. */
  reachOnHost(sockets: readonly { protocol: "tcp" | "udp"; address: string; port: number }[]): Reach["Ports"];
  /** What a user should know who publishes these ports: sentences. */
  exposureWarnings(
    ports: readonly { protocol: "tcp" | "udp" | "sctp"; address: string; port: number }[],
  ): Promise<string[]>;
  /** The names that its networks have on this host. */
  wiring(): Wiring;
  /** What keeps the rules for their traffic. */
  firewall(): BackendName | "none";
  /** What a user should know of how this host treats the networks' traffic. */
  warnings(): string[];
  /** Lets go; the bridge goes when nobody is on it. */
  close(): Promise<void>;
}

/** How an engine's networks are wired into the host: names that a person finds there, and whose they are. Pure. */

import type { RecordStore } from "./store.ts";

/** One end of a container's on a network. */
export interface WiredEndpoint {
  container: string;
  /** Name of the network. */
  network: string;
  /** The host's end of the pair, and the container's; empty where there is none. */
  link: string;
  interface: string;
  addresses: string[];
  mac: string;
  /** Where the container's network namespace is kept. */
  key: string;
}

/** A network's own link. */
export interface WiredNetwork {
  network: string;
  id: string;
  link: string;
  /** The addresses by which containers reach the host. */
  gateways: string[];
}

export interface Wiring {
  endpoints: WiredEndpoint[];
  networks: WiredNetwork[];
  /** Name of the engine's table of rules. */
  table: string;
}

export function wiringOf({ networks, sandboxes }: RecordStore, table: string): Wiring {
  const endpoints = [...sandboxes.values()].flatMap(({ Container, Key, Endpoints }) =>
    Endpoints.map((endpoint) => ({
      container: Container,
      network: networks.get(endpoint.Network)?.Name ?? endpoint.Network,
      link: endpoint.Link,
      interface: endpoint.Interface,
      addresses: [endpoint.Address, endpoint.Address6].filter((address) => address !== ""),
      mac: endpoint.Mac,
      key: Key,
    })),
  );
  const wired = [...networks.values()].map(({ Name, Id, Link, Subnets }) => ({
    network: Name,
    id: Id,
    link: Link,
    gateways: Subnets.map(({ Gateway }) => Gateway).filter((address) => address !== ""),
  }));
  return { endpoints, networks: wired, table };
}

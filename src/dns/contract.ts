/**
 * What a container may know of names, as files, and where its resolver is: the contract between the daemon, which writes the files,
 * and resolvers, which read them.
 *
 * `<exec-root>/dns/networks/<id>.json` has the names on one network, `<exec-root>/dns/containers/<id>.json` what one container asks
 * by: its networks, its links, the servers for all other names. Each is written whole and renamed. A resolver is of the build that
 * started its shim: fields may be added, and none may come to mean something else.
 */

import { join } from "node:path";

/** Where containers find their resolver: Docker's address. */
export const RESOLVER_ADDRESS = "127.0.0.11";
/**
 * Where the resolver listens; rules in the container's namespace lead port 53 of that address here, so that a container can have a
 * server of its own at 0.0.0.0:53. One port for all, below those that the kernel gives to clients: a program would fail at random on
 * one that was drawn.
 */
export const RESOLVER_PORT = 22053;

/** The names on one network. Names are in lower case. */
export interface NetworkTable {
  network: string;
  /** Addresses by name. */
  names: Record<string, string[]>;
  /** By address: the name that a reverse look-up gives. */
  hosts: Record<string, string>;
}

/** A server for names that are on no network. */
export interface NameServer {
  address: string;
  port: number;
  /** Whose network it is asked from: one on the host's loopback can be reached from there alone. */
  from: "container" | "host";
}

/** What one container asks by. */
export interface ContainerTable {
  /** Networks in the order in which they are asked; `links` by alias: the name that is meant. */
  networks: { id: string; links: Record<string, string> }[];
  /** Names that are on no network: `host.docker.internal`. */
  extra: Record<string, string[]>;
  servers: NameServer[];
  /** Whether other names are asked for elsewhere. */
  forward: boolean;
  /** Whether its resolv.conf appends search domains to names of one label itself. */
  ndots: boolean;
}

/** Where the table of a network stands, seen from the directory of all tables. */
export function networkTablePath(directory: string, network: string): string {
  return join(directory, "networks", `${network}.json`);
}

/** Where the table of a container stands. */
export function containerTablePath(directory: string, container: string): string {
  return join(directory, "containers", `${container}.json`);
}

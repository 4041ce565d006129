/** What is known of networks and of what containers are connected by: the records that store.ts keeps on disk. */

import { randomBytes } from "node:crypto";
import type { NameServer } from "../dns/contract.ts";
import type { EndpointRequest } from "../spec/docker_network.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import type { PublishedRange } from "./ports/port.ts";

export type Driver = "bridge" | "macvlan" | "ipvlan" | "host" | "null";

/** A network. Field names are the Docker Engine API's. */
export interface NetworkRecord {
  Id: string;
  Name: string;
  Created: string;
  Driver: Driver;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  /** Containers on it reach each other and the host, and nothing else. */
  Internal: boolean;
  Attachable: boolean;
  /** Holds settings for others and cannot be connected to. */
  ConfigOnly: boolean;
  /** Name of the network whose settings it took; empty for its own. */
  ConfigFrom: string;
  IPAM: { Driver: string; Options: Record<string, string> | null };
  /** IPv4 before IPv6. Empty for the default bridge until it is used for the first time, and for drivers without addresses. */
  Subnets: SubnetRecord[];
  /** The default bridge's own address in its network, `172.17.0.1/16`. */
  BridgeAddress?: string;
  /** Name of the bridge, or of the host's link that containers' links are made on; empty where there is none. */
  Link: string;
  /** The link was there before the network, and stays when it goes. */
  Adopted?: true;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** One network of addresses. */
export interface SubnetRecord {
  Subnet: string;
  /** Empty for none. */
  Gateway: string;
  /** The part of it that containers' addresses are taken from, where that is not the whole. */
  IPRange?: string;
  /** Addresses that no container gets, by a name for each. */
  AuxiliaryAddresses?: Record<string, string>;
  /** The engine chose it: nobody may ask for an address of it. */
  Chosen?: true;
}

/** One connection of a container to one network. What the driver makes none of is empty, or 0. */
export interface EndpointRecord {
  Id: string;
  /** ID of the network. */
  Network: string;
  /** Its link in the container, `eth0`. */
  Interface: string;
  /** The host's end of the pair; empty where there is none. */
  Link: string;
  Address: string;
  Prefix: number;
  Gateway: string;
  Address6: string;
  Prefix6: number;
  Gateway6: string;
  Mac: string;
  /** The names by which others on the network find it: its name, its aliases, its short ID, its host name. */
  DnsNames: string[];
  /** What was asked for, as `inspect` shows it. */
  Asked: EndpointRequest;
  /** What is for elsewhere leaves by its link, without a gateway. */
  ByLink?: true;
  /** It is being made or taken away in a container that runs: where an engine is killed meanwhile, the next takes it away. */
  Changing?: true;
  /** Set where what it sends was ever limited: there may be a link for that, which goes by itself. */
  Limited?: true;
}

/** What a container has of networks while it runs. */
export interface SandboxRecord {
  Container: string;
  Id: string;
  /** Where its network namespace is kept; empty where it is the host's or the runtime makes it. */
  Key: string;
  /** In the order in which they were connected. */
  Endpoints: EndpointRecord[];
  /** The ports of the host that lead to it; absent for none. */
  Ports?: PublishedRange[];
  /** How names are found that are on none of its networks. */
  Resolver?: ResolverWish;
}

/** How a container finds names that are on none of its networks. */
export interface ResolverWish {
  Servers: NameServer[];
  /** Whether its own options say how many dots a name has that is not searched for. */
  Ndots: boolean;
}

/** 64 hexadecimal digits, as all of Docker's IDs. */
export function inventId(): string {
  return randomBytes(32).toString("hex");
}

/** A network of which nothing but this is known. */
export function freshNetwork(known: Pick<NetworkRecord, "Name" | "Driver">): NetworkRecord {
  return {
    Id: inventId(),
    Created: rfc3339(wallClock()),
    EnableIPv4: true,
    EnableIPv6: false,
    Internal: false,
    Attachable: false,
    ConfigOnly: false,
    ConfigFrom: "",
    IPAM: { Driver: "default", Options: null },
    Subnets: [],
    Link: "",
    Options: {},
    Labels: {},
    ...known,
  };
}

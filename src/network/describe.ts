/** Networks and connections as the Docker Engine API shows them: pure, from records. */

import type {
  EndpointRequest,
  EndpointSettings,
  IpamConfig,
  NetworkResource,
} from "../spec/docker_network.ts";
import type { Connection } from "./options.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord, SubnetRecord } from "./records.ts";

/** A network without the containers on it, which only `inspect` shows. */
export function describeNetwork(record: NetworkRecord): NetworkResource {
  return {
    Name: record.Name,
    Id: record.Id,
    Created: record.Created,
    Scope: "local",
    Driver: record.Driver,
    EnableIPv4: record.EnableIPv4,
    EnableIPv6: record.EnableIPv6,
    IPAM: {
      ...record.IPAM,
      Config: hasNoAddresses(record) ? null : record.Subnets.map(describeSubnet),
    },
    Internal: record.Internal,
    Attachable: record.Attachable,
    Ingress: false,
    ConfigFrom: { Network: record.ConfigFrom },
    ConfigOnly: record.ConfigOnly,
    Containers: {},
    Options: record.Options,
    Labels: record.Labels,
  };
}

function hasNoAddresses({ Driver, ConfigOnly }: NetworkRecord): boolean {
  return !ConfigOnly && (Driver === "host" || Driver === "null");
}

function describeSubnet({ Chosen: _, Gateway, ...subnet }: SubnetRecord): IpamConfig {
  return { ...subnet, ...(Gateway !== "" && { Gateway }) };
}

/** The containers on a network, by ID. */
export function containersOn(
  network: NetworkRecord,
  sandboxes: Iterable<SandboxRecord>,
  nameOf: (container: string) => string,
): NetworkResource["Containers"] {
  const rows: NetworkResource["Containers"] = {};
  for (const { Container, Endpoints } of sandboxes) {
    const endpoint = Endpoints.find(({ Network }) => Network === network.Id);
    if (endpoint === undefined) continue;
    rows[Container] = {
      Name: nameOf(Container),
      EndpointID: endpoint.Id,
      MacAddress: endpoint.Mac,
      IPv4Address: endpoint.Address === "" ? "" : `${endpoint.Address}/${endpoint.Prefix}`,
      IPv6Address: endpoint.Address6 === "" ? "" : `${endpoint.Address6}/${endpoint.Prefix6}`,
    };
  }
  return rows;
}

/** A container's connection; a network that is gone has no name to show its endpoint under. */
export function describeConnection(
  { Id, Key, Endpoints, Ports = [] }: SandboxRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
): Connection {
  const named = Endpoints.flatMap((endpoint): [string, EndpointSettings][] => {
    const network = networks.get(endpoint.Network);
    return network === undefined ? [] : [[network.Name, describeEndpoint(endpoint)]];
  });
  return { sandboxId: Id, sandboxKey: Key, endpoints: Object.fromEntries(named), ports: Ports };
}

function describeEndpoint(endpoint: EndpointRecord): EndpointSettings {
  return {
    ...describeWish(endpoint.Asked),
    MacAddress: endpoint.Mac,
    NetworkID: endpoint.Network,
    EndpointID: endpoint.Id,
    Gateway: endpoint.Gateway,
    IPAddress: endpoint.Address,
    IPPrefixLen: endpoint.Prefix,
    IPv6Gateway: endpoint.Gateway6,
    GlobalIPv6Address: endpoint.Address6,
    GlobalIPv6PrefixLen: endpoint.Prefix6,
    DNSNames: endpoint.DnsNames.length === 0 ? null : endpoint.DnsNames,
  };
}

/** What was asked of a network, without what only a connection has. */
function describeWish(asked: EndpointRequest): EndpointSettings {
  return {
    IPAMConfig: describeAddresses(asked.IPAMConfig),
    Links: asked.Links?.length ? asked.Links : null,
    Aliases: asked.Aliases?.length ? asked.Aliases : null,
    MacAddress: asked.MacAddress ?? "",
    DriverOpts: asked.DriverOpts ?? null,
    GwPriority: asked.GwPriority ?? 0,
    NetworkID: "",
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

function describeAddresses(asked: EndpointRequest["IPAMConfig"]): EndpointSettings["IPAMConfig"] {
  if (!asked) return null;
  const { LinkLocalIPs, ...rest } = asked;
  return { ...rest, ...(LinkLocalIPs && { LinkLocalIPs }) };
}

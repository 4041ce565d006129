/** Networks and connections as the Docker Engine API shows them: pure, from records. */

import type { EndpointSettings, NetworkResource } from "../spec/docker_network.ts";
import type { Connection } from "./options.ts";
import type { EndpointRecord, NetworkRecord, SandboxRecord } from "./records.ts";

/** A network without the containers on it, which only `inspect` shows. */
export function describeNetwork(record: NetworkRecord): NetworkResource {
  return {
    Name: record.Name,
    Id: record.Id,
    Created: record.Created,
    Scope: "local",
    Driver: record.Driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: "default",
      Options: null,
      Config: record.Driver === "bridge" ? record.Subnets : null,
    },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: {},
    Options: record.Options,
    Labels: record.Labels,
  };
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
      IPv6Address: "",
    };
  }
  return rows;
}

/** A container's connection; a network that is gone has no name to show its endpoint under. */
export function describeConnection(
  { Id, Key, Endpoints }: SandboxRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
): Connection {
  const named = Endpoints.flatMap((endpoint): [string, EndpointSettings][] => {
    const network = networks.get(endpoint.Network);
    return network === undefined ? [] : [[network.Name, describeEndpoint(endpoint)]];
  });
  return { sandboxId: Id, sandboxKey: Key, endpoints: Object.fromEntries(named) };
}

function describeEndpoint(endpoint: EndpointRecord): EndpointSettings {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: endpoint.Mac,
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: endpoint.Network,
    EndpointID: endpoint.Id,
    Gateway: endpoint.Gateway,
    IPAddress: endpoint.Address,
    IPPrefixLen: endpoint.Prefix,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

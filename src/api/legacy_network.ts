/** What networks were in earlier versions of the API. Source: the history of the Docker Engine API. */

import type { NetworkCreateRequest, NetworkResource } from "../spec/docker_network.ts";
import { olderThan } from "./version.ts";

/** Since then a network may be without IPv4. */
const IPV4_OPTIONAL = "1.48";

/** A network as a client of `version` knows it. */
export function legacyNetwork(network: NetworkResource, version: string): object {
  if (!olderThan(version, IPV4_OPTIONAL)) return network;
  const { EnableIPv4: _, ...rest } = network;
  return rest;
}

/** The request as Docker reads it from a client of `version`: fields that there were not yet are passed over. */
export function legacyNetworkCreate(request: NetworkCreateRequest, version: string): NetworkCreateRequest {
  if (!olderThan(version, IPV4_OPTIONAL)) return request;
  const { EnableIPv4: _, ...rest } = request;
  return rest;
}

/** What a request says of single networks: checked, and as the record keeps it. Pure. */

import type { ContainerCreateRequest } from "../../spec/docker.ts";
import type { EndpointRequest } from "../../spec/docker_network.ts";
import { FathomError } from "../../std/errors.ts";
import { parseNetworkRate } from "../../std/network_rate.ts";
import type { FullHostConfig } from "../host_config.ts";

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/**
 * What was asked of networks, by their names; nothing where nothing was. `default` is the network mode's own.
 * @throws {FathomError} invalid, in Docker's words, for what the network cannot give.
 */
export function endpointsOf(
  request: ContainerCreateRequest,
  { NetworkMode: mode, NetworkRate: rate }: FullHostConfig,
): { Endpoints?: Record<string, EndpointRequest> } {
  if (rate !== undefined) checkRate(rate, mode);
  const asked = Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {});
  const endpoints = new Map(asked.map(([name, wish]) => [name === "default" ? mode : name, wish]));
  if (request.MacAddress) endpoints.set(mode, { MacAddress: request.MacAddress, ...endpoints.get(mode) });
  for (const [name, wish] of endpoints) checkEndpoint(name, wish, mode);
  const said = [...endpoints].filter(([, wish]) => hasContent(wish));
  return said.length === 0 ? {} : { Endpoints: Object.fromEntries(said) };
}

/** What is shared is not the container's to limit. */
export function checkRate(rate: string, mode: string): void {
  parseNetworkRate(rate);
  if (mode === "host" || mode === "none" || mode.startsWith("container:"))
    throw invalid(`conflicting options: network rate and the network mode ${mode}`);
}

function checkEndpoint(name: string, wish: EndpointRequest, mode: string): void {
  const { IPAMConfig: addresses, Aliases: aliases, MacAddress: mac } = wish;
  if (name !== mode) throw invalid(`Container cannot be connected to network endpoints: ${mode}, ${name}`);
  if (addresses?.IPv4Address || addresses?.IPv6Address || (addresses?.LinkLocalIPs?.length ?? 0) > 0)
    throw invalid("user specified IP address is supported on user defined networks only");
  if ((aliases?.length ?? 0) > 0)
    throw invalid("network-scoped alias is supported only for containers in user defined networks");
  if (!mac) return;
  if (mode === "host" || mode.startsWith("container:"))
    throw invalid("conflicting options: mac-address and the network mode");
  if (!MAC.test(mac)) throw invalid(`invalid MAC address: ${mac}`);
  if ((Number.parseInt(mac, 16) & 1) === 1)
    throw invalid(`invalid MAC address: ${mac} is one of a group, and no link can have it`);
}

function hasContent(wish: EndpointRequest): boolean {
  return Object.values(wish).some((value) =>
    typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value),
  );
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}

/** What a request says of single networks: checked, and as the record keeps it. */

import type { ContainerCreateRequest } from "../../spec/docker.ts";
import type { EndpointRequest } from "../../spec/docker_network.ts";
import { FathomError } from "../../std/errors.ts";
import { type Family, parseIp } from "../../std/ip.ts";
import { parseNetworkRate } from "../../std/network_rate.ts";
import type { Context } from "../context.ts";
import type { FullHostConfig } from "../host_config.ts";
import { isUserDefined } from "./wishes.ts";

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/**
 * The networks a request asks for, by their names, in the order of the container's links: that of the network mode is the first.
 * Nothing where nothing was asked of any. `default` is the network mode's own.
 * @throws {FathomError} invalid, in Docker's words, for what the network cannot give.
 */
export function endpointsOf(
  context: Context,
  request: ContainerCreateRequest,
  { NetworkMode: mode, NetworkRate: rate }: FullHostConfig,
): { Endpoints?: Record<string, EndpointRequest> } {
  if (rate !== undefined) checkRate(rate, mode);
  const named = (name: string) => context.options.networks.find(name)?.name ?? name;
  const first = named(mode);
  const asked = Object.entries(request.NetworkingConfig?.EndpointsConfig ?? {});
  const endpoints = new Map<string, EndpointRequest>([[first, {}]]);
  for (const [name, wish] of asked) endpoints.set(name === "default" ? first : named(name), wish);
  if (request.MacAddress) endpoints.set(first, { MacAddress: request.MacAddress, ...endpoints.get(first) });
  if (endpoints.size > 1) checkSeveral(mode, [...endpoints.keys()]);
  for (const [name, wish] of endpoints) checkEndpoint(name, wish);
  const isPlain = endpoints.size === 1 && [...endpoints.values()].every((wish) => !hasContent(wish));
  return isPlain && first === mode ? {} : { Endpoints: Object.fromEntries(endpoints) };
}

/** A namespace that is not the container's own has no room for further networks. */
function checkSeveral(mode: string, names: readonly string[]): void {
  if (mode === "host" || mode.startsWith("container:"))
    throw invalid(
      `conflicting options: cannot attach both user-defined and non-user-defined network-modes: ${names.join(", ")}`,
    );
  if (names.includes("none"))
    throw invalid(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  if (names.includes("host"))
    throw invalid("container cannot be disconnected from host network or connected to host network");
}

/** What is shared is not the container's to limit. */
export function checkRate(rate: string, mode: string): void {
  parseNetworkRate(rate);
  if (mode === "host" || mode === "none" || mode.startsWith("container:"))
    throw invalid(`conflicting options: network rate and the network mode ${mode}`);
}

/** @throws {FathomError} invalid, in Docker's words, for what the network of that name cannot give. */
export function checkEndpoint(name: string, wish: EndpointRequest): void {
  const { IPAMConfig, Aliases: aliases, MacAddress: mac } = wish;
  const addresses = [
    IPAMConfig?.IPv4Address,
    IPAMConfig?.IPv6Address,
    ...(IPAMConfig?.LinkLocalIPs ?? []),
  ].filter((address) => address !== undefined && address !== "");
  if (!isUserDefined(name)) {
    if (addresses.length > 0)
      throw invalid("user specified IP address is supported on user defined networks only");
    if ((aliases?.length ?? 0) > 0)
      throw invalid("network-scoped alias is supported only for containers in user defined networks");
  }
  checkFamily(IPAMConfig?.IPv4Address, 4);
  checkFamily(IPAMConfig?.IPv6Address, 6);
  for (const address of IPAMConfig?.LinkLocalIPs ?? []) parseIp(address);
  if (mac) checkMac(name, mac);
}

function checkFamily(address: string | undefined, family: Family): void {
  if (address && parseIp(address).family !== family)
    throw invalid(`invalid IPv${family} address: ${address}`);
}

function checkMac(mode: string, mac: string): void {
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

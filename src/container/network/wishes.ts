/**
 * The networks that a container is on whenever it runs, and what it asks of each. Pure.
 *
 * They stand in its record, by the networks' names, in the order of its links; where none do, it is on its network mode's.
 */

import type { EndpointRequest } from "../../spec/docker_network.ts";
import { joinedName } from "../joined_name.ts";
import { shortId } from "../names.ts";
import type { EndpointWish } from "../needs.ts";
import type { ContainerRecord } from "../records.ts";

/** A container's networks as its record has them, and in its record from then on. */
export function endpointsIn({ config, host }: ContainerRecord): Record<string, EndpointRequest> {
  return config.Endpoints ?? { [host.NetworkMode]: {} };
}

/** Undefined where it shares another container's. */
export function wishesOf(record: ContainerRecord): EndpointWish[] | undefined {
  const { host, config } = record;
  if (joinedName(host.NetworkMode) !== undefined) return undefined;
  if (config.Config.NetworkDisabled) return [{ network: "none" }];
  return Object.entries(endpointsIn(record)).map(([network, asked]) => wishOf(record, network, asked));
}

/** What it asks of one network. */
export function wishOf(record: ContainerRecord, network: string, asked: EndpointRequest): EndpointWish {
  return { network, asked, dnsNames: isUserDefined(network) ? dnsNames(record, asked) : [] };
}

/** Whether names are found there, and addresses may be asked for. */
export function isUserDefined(network: string): boolean {
  return !network.startsWith("container:") && !["bridge", "host", "none"].includes(network);
}

/** Docker's, in its order: its name, its aliases, its short ID, its host name; each once. */
function dnsNames({ config }: ContainerRecord, { Aliases }: EndpointRequest): string[] {
  const names = [config.Name, ...(Aliases ?? []), shortId(config.Id), config.Config.Hostname];
  return [...new Set(names.filter((name) => name !== ""))];
}

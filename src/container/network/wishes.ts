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

/** Undefined where it shares another container's. */
export function wishesOf(record: ContainerRecord): EndpointWish[] | undefined {
  const { host, config } = record;
  if (joinedName(host.NetworkMode) !== undefined) return undefined;
  if (config.Config.NetworkDisabled) return [{ network: "none" }];
  const endpoints = config.Endpoints ?? { [host.NetworkMode]: {} };
  return Object.entries(endpoints).map(([network, asked]) => wish(record, network, asked));
}

function wish(record: ContainerRecord, network: string, asked: EndpointRequest): EndpointWish {
  return { network, asked, dnsNames: isUserDefined(network) ? dnsNames(record, asked) : [] };
}

/** Whether names are found there, and addresses may be asked for. */
function isUserDefined(network: string): boolean {
  return !["bridge", "host", "none"].includes(network);
}

/** Docker's, in its order: its name, its aliases, its short ID, its host name; each once. */
function dnsNames({ config }: ContainerRecord, { Aliases }: EndpointRequest): string[] {
  const names = [config.Name, ...(Aliases ?? []), shortId(config.Id), config.Config.Hostname];
  return [...new Set(names.filter((name) => name !== ""))];
}

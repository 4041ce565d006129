/** Making a network: planned on what is known, then noted on disk, then made on the host. */

import { findLink } from "../kernel/net/mod.ts";
import type { NetworkCreateRequest } from "../spec/docker_network.ts";
import { FathomError } from "../std/errors.ts";
import { type Family, ipText, overlapping, parseSubnet, type Subnet, subnetText } from "../std/ip.ts";
import { linkName, readBridgeOptions } from "./bridge_options.ts";
import { askedSubnets } from "./create_check.ts";
import { parentOf, sublinkOf } from "./parent_network.ts";
import { firstFree, usedOnHost } from "./pools.ts";
import { type Driver, freshNetwork, type NetworkRecord, type SubnetRecord } from "./records.ts";
import { findNetwork, type State, tell } from "./state.ts";

/** What every engine has, and what stands for one of them. */
export const PREDEFINED: readonly string[] = ["bridge", "host", "none", "default"];
const SHORT = 12;

/**
 * Makes it, or leaves nothing. Gives its ID.
 * @throws {FathomError} in Docker's words: conflict for a name that is taken, forbidden for subnets and bridges that are, invalid for
 * what is no configuration, unavailable when no subnet is left.
 */
export async function createNetwork(state: State, request: NetworkCreateRequest): Promise<string> {
  const { store, segments, options } = state;
  const record = planNetwork(state, request);
  await using undo = new AsyncDisposableStack();
  // In this order: name and subnets are taken from the moment they are chosen, and an engine that is killed finds the network whole.
  store.networks.set(record.Id, record);
  undo.defer(async () => {
    store.networks.delete(record.Id);
    await store.dropNetwork(record.Id);
  });
  await store.saveNetwork(record);
  undo.defer(() => segments.remove(record));
  await segments.of(record)?.ready();
  undo.move();
  tell(options, { action: "create", network: record });
  return record.Id;
}

function planNetwork(state: State, asked: NetworkCreateRequest): NetworkRecord {
  checkName(state, asked.Name);
  const request = asked.ConfigFrom?.Network ? taken(state, asked, asked.ConfigFrom.Network) : asked;
  checkScope(request);
  const configOnly = request.ConfigOnly ?? false;
  const record: NetworkRecord = {
    ...freshNetwork({
      Name: request.Name,
      Driver: configOnly ? "null" : driverOf(request.Driver || "bridge"),
    }),
    EnableIPv4: request.EnableIPv4 ?? true,
    EnableIPv6: request.EnableIPv6 ?? false,
    Internal: request.Internal ?? false,
    Attachable: request.Attachable ?? false,
    ConfigOnly: configOnly,
    ConfigFrom: asked.ConfigFrom?.Network ?? "",
    IPAM: { Driver: ipamDriver(request), Options: request.IPAM?.Options ?? null },
    Options: request.Options ?? {},
    Labels: request.Labels ?? {},
  };
  const subnets = askedSubnets(request);
  if (!record.EnableIPv4 && !record.EnableIPv6)
    throw new FathomError("invalid", "IPv4 or IPv6 must be enabled");
  if (configOnly) return { ...record, Subnets: subnets };
  checkOverlap(state, subnets);
  return onLink(state, { ...record, Subnets: withChosen(state, record, subnets) });
}

function checkName({ store }: State, name: string): void {
  if (name.trim() === "") throw new FathomError("invalid", "invalid name: name is empty");
  if (name.includes("/")) throw new FathomError("invalid", `invalid name: ${name} has a slash in it`);
  if (PREDEFINED.includes(name))
    throw new FathomError("forbidden", `operation is not permitted on predefined ${name} network`);
  if ([...store.networks.values()].some(({ Name }) => Name === name))
    throw new FathomError("conflict", `network with name ${name} already exists`);
}

/** The settings of a network that holds them for others; the request may have none of its own. */
function taken(state: State, request: NetworkCreateRequest, from: string): NetworkCreateRequest {
  const source = findNetwork(state, from);
  if (!source.ConfigOnly)
    throw new FathomError("forbidden", `network "${from}" is not a configuration network`);
  const has = (value: object | null | undefined) => Object.keys(value ?? {}).length > 0;
  if (request.ConfigOnly || has(request.Options) || (request.IPAM?.Config?.length ?? 0) > 0)
    throw new FathomError(
      "forbidden",
      "user specified configurations are not supported if the network depends on a configuration network",
    );
  return {
    ...request,
    EnableIPv4: source.EnableIPv4,
    EnableIPv6: source.EnableIPv6,
    Internal: source.Internal || (request.Internal ?? false),
    Options: source.Options,
    Labels: { ...source.Labels, ...request.Labels },
    IPAM: { Driver: source.IPAM.Driver, Options: source.IPAM.Options, Config: source.Subnets },
  };
}

function checkScope({ Ingress, Scope, ConfigOnly, ConfigFrom }: NetworkCreateRequest): void {
  if (Ingress)
    throw new FathomError(
      "forbidden",
      "Ingress network can only be global scope network: it belongs to a swarm, and Fathom has none; leave --ingress out",
    );
  if (Scope === "swarm" || Scope === "global")
    throw new FathomError("forbidden", `cannot create a ${Scope} scoped network when swarm is not active`);
  if (Scope && Scope !== "local") throw new FathomError("invalid", `invalid scope ${Scope}: it is local`);
  if (ConfigOnly && ConfigFrom?.Network)
    throw new FathomError("forbidden", "a configuration network cannot take its settings from another");
}

function driverOf(name: string): Driver {
  if (name === "bridge" || name === "macvlan" || name === "ipvlan") return name;
  if (name === "host" || name === "null")
    throw new FathomError("forbidden", `only one instance of "${name}" network is allowed`);
  if (name === "overlay")
    throw new FathomError(
      "unavailable",
      "This node is not a swarm manager: networks of the driver overlay belong to a swarm, and Fathom has none; use bridge",
    );
  throw new FathomError("not-found", `plugin ${JSON.stringify(name)} not found`);
}

function ipamDriver({ IPAM }: NetworkCreateRequest): string {
  const driver = IPAM?.Driver || "default";
  if (driver === "default") return driver;
  throw new FathomError("not-found", `plugin ${JSON.stringify(driver)} not found`);
}

/** The subnets of all networks but those that only hold settings, which others take. */
function subnetsOfAll({ store }: State): Subnet[] {
  return [...store.networks.values()]
    .filter(({ ConfigOnly }) => !ConfigOnly)
    .flatMap(({ Subnets }) => Subnets.map(({ Subnet }) => parseSubnet(Subnet)));
}

function checkOverlap(state: State, subnets: readonly SubnetRecord[]): void {
  const others = subnetsOfAll(state);
  for (const subnet of subnets.map(({ Subnet }) => parseSubnet(Subnet))) {
    if (others.some((other) => overlapping(subnet, other)))
      throw new FathomError(
        "forbidden",
        "invalid pool request: Pool overlaps with other one on this address space",
      );
    others.push(subnet);
  }
}

/** With a subnet of each family that the network has and nobody named one of, and a gateway in each. */
function withChosen(
  state: State,
  { EnableIPv4, EnableIPv6 }: NetworkRecord,
  asked: readonly SubnetRecord[],
): SubnetRecord[] {
  const families = ([4, 6] as const).filter((family) => (family === 4 ? EnableIPv4 : EnableIPv6));
  return families
    .flatMap((family) => {
      const named = asked.filter(({ Subnet }) => parseSubnet(Subnet).family === family);
      return named.length > 0 ? named : [chosen(state, family)];
    })
    .map(withGateway);
}

function chosen(state: State, family: Family): SubnetRecord {
  const used = [...usedOnHost(state.host(), family), ...subnetsOfAll(state)];
  return {
    Subnet: subnetText(firstFree(state.options.settings.pools, used, family)),
    Gateway: "",
    Chosen: true,
  };
}

/** The first address, or the first of the range that is given away, unless it is kept for something else. */
function withGateway(record: SubnetRecord): SubnetRecord {
  if (record.Gateway !== "") return record;
  const { family, base } = parseSubnet(record.IPRange ?? record.Subnet);
  const kept = Object.values(record.AuxiliaryAddresses ?? {});
  const isWhole = parseSubnet(record.Subnet).base === base;
  for (let value = isWhole ? base + 1n : base; ; value++) {
    const Gateway = ipText({ family, value });
    if (!kept.includes(Gateway)) return { ...record, Gateway };
  }
}

/** The link it is on: the bridge of the name that was asked for, or one that follows from its ID. */
function onLink(state: State, record: NetworkRecord): NetworkRecord {
  return record.Driver === "bridge" ? onBridge(state, record) : onParent(state, record);
}

/** Several networks may be on a link that was there before them, unless a container is to have it for itself. */
function onParent({ store, host }: State, record: NetworkRecord): NetworkRecord {
  const Link = parentOf(record);
  const others = [...store.networks.values()].filter((one) => one.Link === Link);
  const inTheWay = others.find((other) => !canShare(other, record));
  if (inTheWay !== undefined)
    throw new FathomError("forbidden", `network ${inTheWay.Name} is already using parent interface ${Link}`);
  const isThere = findLink(host(), Link) !== undefined;
  return { ...record, Link, ...(isThere && { Adopted: true }) };
}

/** All links of ipvlan on one parent have its mode. */
function canShare(other: NetworkRecord, record: NetworkRecord): boolean {
  if (!other.Adopted || other.Driver !== record.Driver) return false;
  const modes = [other, record].map((one) => sublinkOf(one).mode);
  return !modes.includes("passthru") && (record.Driver !== "ipvlan" || modes[0] === modes[1]);
}

function onBridge({ store, host }: State, record: NetworkRecord): NetworkRecord {
  const { name } = readBridgeOptions(record.Options);
  const Link = linkName(name || `br-${record.Id.slice(0, SHORT)}`);
  const other = [...store.networks.values()].find((one) => one.Link === Link);
  if (other !== undefined)
    throw new FathomError(
      "forbidden",
      `cannot create network ${record.Id} (${Link}): conflicts with network ${other.Id} (${Link}): networks have same bridge name`,
    );
  const isThere = name !== "" && findLink(host(), Link) !== undefined;
  return { ...record, Link, ...(isThere && { Adopted: true }) };
}

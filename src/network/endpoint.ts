/** What a container gets of one network: its endpoint, planned. Addresses are taken from here on. */

import type { EndpointRequest } from "../spec/docker_network.ts";
import { FathomError } from "../std/errors.ts";
import type { Family } from "../std/ip.ts";
import type { TakenAddress } from "./addresses.ts";
import { askedInterface, askedSysctls } from "./endpoint_options.ts";
import { macFor } from "./mac.ts";
import type { EndpointWish } from "./options.ts";
import { type EndpointRecord, inventId, type NetworkRecord } from "./records.ts";
import type { Junction } from "./segment.ts";
import type { State } from "./state.ts";

/** A network that was asked for, ready to be connected to. */
export interface Attachment {
  wish: EndpointWish;
  network: NetworkRecord;
  /** Undefined where the driver makes no links. */
  junction: Junction | undefined;
}

/** A link's name has 15 bytes. */
const LINK_DIGITS = 9;

/**
 * Takes addresses and names for a link.
 * @param others of the same container
 * @throws {FathomError} where an address cannot be had; then none is taken.
 */
export function planEndpoint(
  { books, store }: Pick<State, "books" | "store">,
  { wish, network, junction }: Attachment,
  others: readonly EndpointRecord[],
): EndpointRecord {
  const { asked = {} } = wish;
  const endpoint = emptyEndpoint(network, wish);
  if (junction === undefined) return endpoint;
  // It may have been removed while it was made ready.
  if (!store.networks.has(network.Id))
    throw new FathomError("not-found", `network ${network.Name} not found`);
  const Interface = interfaceFor(wish, junction, others);
  // Whoever asks for what there is not is told before an address is taken.
  askedSysctls(asked.DriverOpts, Interface);
  using undo = new DisposableStack();
  const take = (family: 4 | 6, wanted: string | undefined): TakenAddress | undefined => {
    const taken = wanted ? books.claim(network, wanted) : books.take(network, family);
    if (taken !== undefined) undo.defer(() => books.giveBack(network, taken.address));
    return taken;
  };
  const v4 = take(4, asked.IPAMConfig?.IPv4Address);
  const v6 = take(6, asked.IPAMConfig?.IPv6Address);
  undo.move();
  return {
    ...endpoint,
    Interface,
    Link: junction.kind === "bridge" ? `fm${endpoint.Id.slice(0, LINK_DIGITS)}` : "",
    ...(v4 && { Address: v4.address, Prefix: v4.prefix, Gateway: gatewayOf(junction, 4, v4) }),
    ...(v6 && { Address6: v6.address, Prefix6: v6.prefix, Gateway6: gatewayOf(junction, 6, v6) }),
    ...(junction.byLink && { ByLink: true as const }),
    Mac: junction.kind === "ipvlan" ? "" : asked.MacAddress || macFor([v4?.address ?? "", v6?.address ?? ""]),
  };
}

function gatewayOf({ leadsOut }: Junction, family: Family, { gateway }: TakenAddress): string {
  return leadsOut.includes(family) ? gateway : "";
}

function emptyEndpoint(network: NetworkRecord, { asked = {}, dnsNames = [] }: EndpointWish): EndpointRecord {
  return {
    Id: inventId(),
    Network: network.Id,
    Interface: "",
    Link: "",
    Address: "",
    Prefix: 0,
    Gateway: "",
    Address6: "",
    Prefix6: 0,
    Gateway6: "",
    Mac: "",
    DnsNames: [...dnsNames],
    Asked: kept(asked),
  };
}

/** Only what was said: a record is read by people too. */
function kept(asked: EndpointRequest): EndpointRequest {
  return Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== null && value !== undefined && value !== ""),
  );
}

/** The name that was asked for, or one with the lowest number that none of the container's links has. */
function interfaceFor(
  { asked }: EndpointWish,
  { linkPrefix }: Junction,
  others: readonly EndpointRecord[],
): string {
  const taken = new Set(others.map((other) => other.Interface));
  const name = askedInterface(asked?.DriverOpts, taken);
  if (name !== "") return name;
  for (let number = 0; ; number++) if (!taken.has(`${linkPrefix}${number}`)) return `${linkPrefix}${number}`;
}

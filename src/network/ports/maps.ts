/**
 * Published ports as what the kernel looks up: the elements of a few maps, which the rules of rules.ts ask. Pure.
 *
 * Ports that keep their numbers are one element, however many; others, and single ones, are an element each in a map that finds them
 * by a hash. What has come by IPv6 for a container that has only IPv4 goes to the forwarder (forwarder.ts).
 */

import {
  destinationData,
  destinationKey,
  type FieldRange,
  type IpFamily,
  type MapChange,
  type MapElement,
  type NftMap,
} from "../../kernel/net/mod.ts";
import {
  EVERY_ADDRESS,
  familyOf,
  ipBytes,
  isEvery,
  meet,
  PROTOCOL_NUMBERS,
  type PublishedRange,
} from "./port.ts";

/** Where published ports lead to. */
export interface Target {
  /** The container's addresses; empty for none. */
  address4: string;
  address6: string;
}

/** Where the forwarder listens on this host; a protocol that it does not serve is absent. */
export type ForwarderPorts = Partial<Record<PublishedRange["Protocol"], number>>;

/** An element, and the name of the map it is in. */
export interface Entry {
  map: string;
  element: MapElement;
}

type Shape = Omit<NftMap, "elements">;

const WORD: Readonly<Record<IpFamily, string>> = { 4: "ip", 6: "ip6" };
/** Single ports at every address; single ports at one; ranges that keep their numbers. */
const KINDS = [
  { kind: "published", address: false, port: true, intervals: false },
  { kind: "published_at", address: true, port: true, intervals: false },
  { kind: "published_range", address: true, port: false, intervals: true },
] as const;
type Kind = (typeof KINDS)[number]["kind"];
/** Single ports at every address; the others. */
export const FORWARDED = { single: "forwarded_ip6", range: "forwarded_range_ip6" } as const;

const nameOfMap = (kind: Kind, family: IpFamily): string => `${kind}_${WORD[family]}`;

/** What a rule has to know to look a map up. */
export const LOOKUPS = ([4, 6] as const).flatMap((family) =>
  KINDS.map(({ kind, address, port }) => ({ family, map: nameOfMap(kind, family), address, port })),
);

/** All maps, empty. */
export const PORT_MAPS: readonly Shape[] = [
  ...([4, 6] as const).flatMap((family) =>
    KINDS.map(({ kind, address, port, intervals }) => ({
      name: nameOfMap(kind, family),
      key: destinationKey(family, { address }),
      data: destinationData(family, { port }),
      intervals,
    })),
  ),
  {
    name: FORWARDED.single,
    key: destinationKey(6, { address: false }),
    data: ["inet_service"],
    intervals: false,
  },
  {
    name: FORWARDED.range,
    key: destinationKey(6, { address: true }),
    data: ["inet_service"],
    intervals: true,
  },
];

/** What a range is in the maps; nothing, where its container cannot be reached so. */
export function entriesOf(range: PublishedRange, target: Target, forwarder: ForwarderPorts): Entry[] {
  const family = familyOf(range.HostIp);
  const address = family === 4 ? target.address4 : target.address6;
  const port = family === 6 ? forwarder[range.Protocol] : undefined;
  if (address !== "") return [...sentOn(range, ipBytes(address)), ...fromLoopback6(range, port)];
  return port === undefined || target.address4 === "" ? [] : [forwarded(range, be16(port))];
}

/** Nothing can be sent on from ::1, to whatever address. */
function fromLoopback6(range: PublishedRange, port: number | undefined): Entry[] {
  if (port === undefined || !meet(range.HostIp, LOOPBACK_6)) return [];
  return [forwarded({ ...range, HostIp: LOOPBACK_6 }, be16(port))];
}

const LOOPBACK_6 = "::1";

function forwarded(range: PublishedRange, to: Uint8Array): Entry {
  const { HostIp, HostPort, Count, Protocol } = range;
  if (!isEvery(HostIp) || Count > 1)
    return { map: FORWARDED.range, element: { key: wholeKey(range), data: [to] } };
  const key = [{ first: Uint8Array.of(PROTOCOL_NUMBERS[Protocol]) }, { first: be16(HostPort) }];
  return { map: FORWARDED.single, element: { key, data: [to] } };
}

function sentOn(range: PublishedRange, to: Uint8Array): Entry[] {
  const { HostIp, HostPort, ContainerPort, Count } = range;
  const family = familyOf(HostIp);
  if (Count > 1 && HostPort === ContainerPort)
    return [{ map: nameOfMap("published_range", family), element: { key: wholeKey(range), data: [to] } }];
  const map = nameOfMap(isEvery(HostIp) ? "published" : "published_at", family);
  const at = isEvery(HostIp) ? [] : [{ first: ipBytes(HostIp) }];
  const protocol = { first: Uint8Array.of(PROTOCOL_NUMBERS[range.Protocol]) };
  return Array.from({ length: Count }, (_, offset) => ({
    map,
    element: {
      key: [...at, protocol, { first: be16(HostPort + offset) }],
      data: [to, be16(ContainerPort + offset)],
    },
  }));
}

function wholeKey({ HostIp, HostPort, Count, Protocol }: PublishedRange): FieldRange[] {
  return [
    addressRange(HostIp),
    { first: Uint8Array.of(PROTOCOL_NUMBERS[Protocol]) },
    { first: be16(HostPort), last: be16(HostPort + Count - 1) },
  ];
}

function addressRange(address: string): FieldRange {
  const first = ipBytes(address);
  return isEvery(address) ? { first, last: new Uint8Array(first.length).fill(0xff) } : { first };
}

function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** Entries as changes of the maps they are in. */
export function changesOf(entries: readonly Entry[], how: "add" | "remove"): MapChange[] {
  const byMap = Map.groupBy(entries, ({ map }) => map);
  return PORT_MAPS.flatMap((map) => {
    const elements = byMap.get(map.name)?.map(({ element }) => element);
    return elements === undefined ? [] : [{ map, [how]: elements }];
  });
}

/** Loopback addresses of IPv4, which a bridge must be told to let through. */
export function isLoopbackReached({ HostIp }: PublishedRange): boolean {
  return HostIp === EVERY_ADDRESS[4] || HostIp.startsWith("127.");
}

/**
 * Which addresses of a network are free.
 *
 * They follow from the records of networks and sandboxes: a subnet's book is made of them when it is first asked, and kept up to
 * date from then on, so that finding a free address does not take longer the more there are taken.
 */

import { FathomError } from "../std/errors.ts";
import { type AddressInSubnet, type Family, holds, ipText, lastOf, parseIp, parseSubnet } from "../std/ip.ts";
import type { NetworkRecord, SubnetRecord } from "./records.ts";
import type { RecordStore } from "./store.ts";

/** An address that was taken, as an endpoint's record has it. */
export interface TakenAddress {
  address: string;
  prefix: number;
  gateway: string;
}

export interface AddressBooks {
  /** The lowest free address of a family; undefined where the network has no subnet of it. @throws {FathomError} unavailable */
  take(network: NetworkRecord, family: Family): TakenAddress | undefined;
  /** The address that was asked for. @throws {FathomError} invalid, where it is not of the network; forbidden, where it is taken. */
  claim(network: NetworkRecord, address: string): TakenAddress;
  /** Makes an address free again; no error where it is. */
  giveBack(network: NetworkRecord, address: string): void;
  /** Notes at which MAC address an address is from now on, and gives the one it was at last, if that is known. */
  moveTo(network: NetworkRecord, address: string, mac: string): string | undefined;
  /** Knows nothing of a network any more: it is gone. */
  forget(network: NetworkRecord): void;
}

/** One subnet's. */
interface Book {
  subnet: AddressInSubnet;
  gateway: string;
  first: bigint;
  last: bigint;
  taken: Set<bigint>;
  /** At which MAC address each was last. */
  macs: Map<bigint, string>;
  /** No address below is free. */
  low: bigint;
}

export function addressBooks(store: RecordStore): AddressBooks {
  const books = new Map<string, Map<string, Book>>();
  const bookOf = (network: NetworkRecord, record: SubnetRecord): Book => {
    const own = books.get(network.Id) ?? new Map<string, Book>();
    books.set(network.Id, own);
    const key = `${record.Subnet} ${record.IPRange} ${record.Gateway}`;
    const book = own.get(key) ?? makeBook(store, network, record);
    own.set(key, book);
    return book;
  };
  const booksOf = (network: NetworkRecord) => network.Subnets.map((record) => bookOf(network, record));
  return {
    take(network, family) {
      const book = booksOf(network).find(({ subnet }) => subnet.family === family);
      if (book === undefined) return undefined;
      const value = lowestFree(book);
      if (value === undefined) throw exhausted(network, family);
      return taken(book, value);
    },
    claim(network, address) {
      const ip = parseIp(address);
      const book = booksOf(network).find(({ subnet }) => holds(subnet, ip));
      if (book === undefined)
        throw new FathomError(
          "invalid",
          `invalid IP address ${address}: it does not belong to any of this network's subnets`,
        );
      if (book.taken.has(ip.value)) throw new FathomError("forbidden", "Address already in use");
      return taken(book, ip.value);
    },
    giveBack(network, address) {
      if (address === "") return;
      const ip = parseIp(address);
      const book = booksOf(network).find(({ subnet }) => holds(subnet, ip));
      if (!book?.taken.delete(ip.value)) return;
      if (ip.value < book.low && ip.value >= book.first) book.low = ip.value;
    },
    moveTo(network, address, mac) {
      const ip = parseIp(address);
      const macs = booksOf(network).find(({ subnet }) => holds(subnet, ip))?.macs;
      const before = macs?.get(ip.value);
      macs?.set(ip.value, mac);
      return before;
    },
    forget: (network) => void books.delete(network.Id),
  };
}

function taken(book: Book, value: bigint): TakenAddress {
  book.taken.add(value);
  const { subnet, gateway } = book;
  return { address: ipText({ family: subnet.family, value }), prefix: subnet.prefix, gateway };
}

function lowestFree(book: Book): bigint | undefined {
  for (let value = book.low; value <= book.last; value++) {
    if (book.taken.has(value)) continue;
    book.low = value + 1n;
    return value;
  }
  book.low = book.last + 1n;
  return undefined;
}

function makeBook(store: RecordStore, network: NetworkRecord, record: SubnetRecord): Book {
  const subnet = parseSubnet(record.Subnet);
  const range = record.IPRange === undefined ? subnet : parseSubnet(record.IPRange);
  const [least, most] = usable(subnet);
  const first = range.base > least ? range.base : least;
  const last = lastOf(range) < most ? lastOf(range) : most;
  const own = network.BridgeAddress?.split("/")[0] ?? "";
  const reserved = [record.Gateway, own, ...Object.values(record.AuxiliaryAddresses ?? {})];
  const given = [...store.sandboxes.values()]
    .flatMap(({ Endpoints }) => Endpoints.filter((endpoint) => endpoint.Network === network.Id))
    .flatMap(({ Address, Address6, Mac }) => [Address, Address6].map((address) => ({ address, mac: Mac })));
  const values = [...reserved.map((address) => ({ address, mac: "" })), ...given]
    .filter(({ address }) => address !== "")
    .map(({ address, mac }) => ({ ip: parseIp(address), mac }))
    .filter(({ ip }) => holds(subnet, ip))
    .map(({ ip, mac }) => [ip.value, mac] as const);
  const taken = new Set(values.map(([value]) => value));
  const macs = new Map(values.filter(([, mac]) => mac !== ""));
  return { subnet, gateway: record.Gateway, first, last, taken, macs, low: first };
}

/**
 * Neither an IPv4 network's first address nor its last is ever given: they mean the network itself and all of it; unless it has but
 * two (RFC 3021). Of an IPv6 network the first means its routers (RFC 4291, section 2.6.1).
 */
function usable(subnet: AddressInSubnet): [bigint, bigint] {
  const last = lastOf(subnet);
  if (subnet.family === 6) return [subnet.prefix < 127 ? subnet.base + 1n : subnet.base, last];
  return subnet.prefix < 31 ? [subnet.base + 1n, last - 1n] : [subnet.base, last];
}

function exhausted({ Name, Id }: NetworkRecord, family: Family): FathomError {
  const remedy = Name === "bridge" ? "give the bridge a larger network with --bip" : "make a larger network";
  return new FathomError(
    "unavailable",
    `no available IPv${family} addresses on this network's address pools: ${Name} (${Id}); remove containers, or ${remedy}`,
  );
}

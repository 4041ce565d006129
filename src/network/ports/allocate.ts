/**
 * Which ports of the host a container gets: pure, from what it asks for and what is taken.
 *
 * A port that is named is had or refused. One that is not is the next free of the host's ephemeral range, in rising order and not
 * the lowest again, as in Docker: a client that still speaks to the container before does not reach the one after it.
 */

import {
  EVERY_ADDRESS,
  familyOf,
  goesOn,
  isEvery,
  meet,
  type PortRange,
  type PortWish,
  type Protocol,
  type PublishedRange,
} from "./port.ts";

/** A port that somebody has: another container, or a process of the host by a socket of its own. */
export type Holder = { container: string } | { inode: number };

/** Ports that are taken, side by side, at one address. */
export interface Taken {
  protocol: Protocol;
  address: string;
  ports: PortRange;
  holder: Holder;
}

export interface Host {
  taken: readonly Taken[];
  /** The range of ports to choose from: net.ipv4.ip_local_port_range. */
  ephemeral: PortRange;
  /** Where a wish names no address: `0.0.0.0` unless the engine was told otherwise. */
  defaultAddress: string;
  /** What is published at every address of IPv4 is so at every one of IPv6: the host has it, and there is somebody to serve it. */
  bothFamilies: boolean;
}

/** The last port that was chosen, by protocol and address; changed by choosing. */
export type Cursor = Map<string, number>;

/** Why a wish cannot be fulfilled. */
export interface Refusal {
  protocol: Protocol;
  address: string;
  port: number;
  /** Absent where a range to choose from is used up. */
  holder?: Holder;
}

/** What each wish gets, in their order; or the first that cannot be had. `container` has them from then on. */
export function allocate(
  wishes: readonly PortWish[],
  host: Host,
  { cursor, container }: { cursor: Cursor; container: string },
): PublishedRange[] | Refusal {
  const taken = [...host.taken];
  const given: PublishedRange[] = [];
  /** The last range of each protocol and address, and what is taken by it: neighbours join it, so that neither list grows with them. */
  const last = new Map<string, { range: PublishedRange; ports: PortRange }>();
  for (const wish of wishes) {
    const { protocol } = wish;
    const addresses = addressesOf(wish, host);
    const runs = choose(wish, { addresses, taken, host, cursor });
    if (!Array.isArray(runs)) return runs;
    for (const address of addresses)
      for (const run of runs) {
        const range = { Protocol: protocol, HostIp: address, ...run };
        const before = last.get(`${protocol} ${address}`);
        const ports = { first: run.HostPort, last: run.HostPort + run.Count - 1 };
        const isNext = before !== undefined && before.ports.last + 1 === ports.first;
        if (isNext) before.ports.last = ports.last;
        else taken.push({ protocol, address, ports, holder: { container } });
        const isOne = before !== undefined && goesOn(before.range, range);
        if (isOne) before.range.Count += range.Count;
        else given.push(range);
        const joined = { range: isOne ? before.range : range, ports: isNext ? before.ports : ports };
        last.set(`${protocol} ${address}`, joined);
      }
  }
  return given;
}

/** SCTP has nobody to serve its twin. */
function addressesOf({ address, protocol }: PortWish, { defaultAddress, bothFamilies }: Host): string[] {
  if (address !== "") return [address];
  const twin = bothFamilies && protocol !== "sctp" && defaultAddress === EVERY_ADDRESS[4];
  return twin ? [EVERY_ADDRESS[4], EVERY_ADDRESS[6]] : [defaultAddress];
}

type Run = Pick<PublishedRange, "HostPort" | "ContainerPort" | "Count">;

interface Search {
  addresses: readonly string[];
  taken: readonly Taken[];
  host: Host;
  cursor: Cursor;
}

function choose(wish: PortWish, search: Search): Run[] | Refusal {
  const { container, host: named } = wish;
  const count = container.last - container.first + 1;
  if (named === undefined) return chooseFree(wish, search);
  if (named.last - named.first + 1 === count) {
    const refusal = clash(wish.protocol, named, search);
    return refusal ?? [{ HostPort: named.first, ContainerPort: container.first, Count: count }];
  }
  let refusal: Refusal | undefined;
  for (let port = named.first; port <= named.last; port++) {
    const found = clash(wish.protocol, { first: port, last: port }, search);
    if (found === undefined) return [{ HostPort: port, ContainerPort: container.first, Count: 1 }];
    refusal = found;
  }
  return refusal ?? [];
}

function chooseFree({ protocol, container }: PortWish, search: Search): Run[] | Refusal {
  const { host, addresses, cursor } = search;
  const { first, last } = host.ephemeral;
  const key = `${protocol} ${addresses.join(" ")}`;
  const runs: Run[] = [];
  for (let inside = container.first; inside <= container.last; inside++) {
    const port = nextFree(protocol, cursor.get(key) ?? first - 1, search);
    if (port === undefined) return { protocol, address: addresses[0] ?? "", port: last };
    cursor.set(key, port);
    runs.push({ HostPort: port, ContainerPort: inside, Count: 1 });
  }
  return runs;
}

function nextFree(protocol: Protocol, after: number, search: Search): number | undefined {
  const { first, last } = search.host.ephemeral;
  const size = last - first + 1;
  for (let step = 1; step <= size; step++) {
    const port = first + ((((after - first + step) % size) + size) % size);
    if (clash(protocol, { first: port, last: port }, search) === undefined) return port;
  }
  return undefined;
}

/** The first port of a range that somebody else has at one of the addresses. */
function clash(
  protocol: Protocol,
  { first, last }: PortRange,
  { addresses, taken }: Search,
): Refusal | undefined {
  for (const address of addresses)
    for (const one of taken) {
      if (one.protocol !== protocol || one.ports.last < first || one.ports.first > last) continue;
      if (meet(one.address, address))
        return { protocol, address, port: Math.max(first, one.ports.first), holder: one.holder };
    }
  return undefined;
}

/** A socket of the host as an address that is taken: one of IPv6 for every address takes IPv4's too, unless it says otherwise. */
export function addressesTaken(address: string, { onlyV6 }: { onlyV6: boolean }): string[] {
  if (familyOf(address) === 6 && isEvery(address) && !onlyV6) return [EVERY_ADDRESS[6], EVERY_ADDRESS[4]];
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  return [mapped ?? address];
}

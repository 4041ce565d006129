/** Networks to choose from where nobody names one: pools, and what on the host is in the way. */

import { randomBytes } from "node:crypto";
import { listAddresses, listRoutes, type NetlinkSocket } from "../kernel/net/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type Family, lastOf, overlapping, parseSubnet, type Subnet } from "../std/ip.ts";

/** Networks of one size out of a larger one: dockerd's `default-address-pools`. */
export interface Pool {
  /** `172.17.0.0/16`. */
  base: string;
  /** Prefix of each network taken from it. */
  size: number;
}

/** Docker's own, in its order. */
export const DEFAULT_POOLS: readonly Pool[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  { base: "192.168.0.0/16", size: 20 },
];

/** The most IPv4 networks that a pool is divided into: a typing error must not be counted through for hours. */
const MOST = 2 ** 16;
/** The longest prefixes that leave room for containers. */
const LONGEST: Readonly<Record<Family, number>> = { 4: 30, 6: 126 };

/** @throws {FathomError} invalid, for a pool that cannot be divided so. */
export function checkPools(pools: readonly Pool[]): void {
  for (const { base, size } of pools) {
    const { family, prefix } = parseSubnet(base);
    const isDivisible = size >= prefix && size <= LONGEST[family];
    if (isDivisible && (family === 6 || 2 ** (size - prefix) <= MOST)) continue;
    throw new FathomError(
      "invalid",
      `default-address-pools: ${base} cannot be divided into networks of size ${size}: give a size from ${prefix} to ${LONGEST[family]}`,
    );
  }
}

/**
 * The first network of the pools that overlaps nothing in `used`. Of IPv6, where the pools have none, one of the local addresses
 * that anybody may make up (RFC 4193).
 * @throws {FathomError} unavailable, when there is none.
 */
export function firstFree(pools: readonly Pool[], used: readonly Subnet[], family: Family = 4): Subnet {
  const own = pools.map(({ base, size }) => ({ whole: parseSubnet(base), size }));
  const usable = own.filter(({ whole }) => whole.family === family);
  if (family === 6 && usable.length === 0) return uniqueLocal(used);
  for (const { whole, size } of usable) {
    const free = firstFreeIn(whole, size, used);
    if (free !== undefined) return free;
  }
  const tried = pools.map(({ base }) => base).join(", ");
  throw new FathomError(
    "unavailable",
    `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network: ${tried} are all in use on this host; name another with --subnet, --bip or default-address-pools`,
  );
}

/** What is in the way is stepped over whole: a pool of IPv6 has more networks than can be tried one by one. */
function firstFreeIn(whole: Subnet, prefix: number, used: readonly Subnet[]): Subnet | undefined {
  const { family } = whole;
  let base = whole.base;
  while (base <= lastOf(whole)) {
    const candidate: Subnet = { family, base, prefix };
    const blocker = used.find((other) => overlapping(candidate, other));
    if (blocker === undefined) return candidate;
    const step = lastOf(candidate) - base + 1n;
    const beyond = lastOf(blocker) + 1n;
    do base += step;
    while (base < beyond);
  }
  return undefined;
}

const UNIQUE_LOCAL = 0xfdn << 120n;
const GLOBAL_ID = { bytes: 5, shift: 80n };

/** `fdXX:XXXX:XXXX::/64` with a random global ID, section 3.2.2. */
function uniqueLocal(used: readonly Subnet[]): Subnet {
  for (;;) {
    const id = BigInt(`0x${randomBytes(GLOBAL_ID.bytes).toString("hex")}`);
    const candidate: Subnet = { family: 6, base: UNIQUE_LOCAL | (id << GLOBAL_ID.shift), prefix: 64 };
    if (!used.some((other) => overlapping(candidate, other))) return candidate;
  }
}

/**
 * Routes this wide lead everywhere, as a default route does and those that a VPN lays over it (`0.0.0.0/1` and `128.0.0.0/1`): they are
 * in nobody's way.
 */
const WIDEST = 3;

/** Routes as networks that are in use. */
export function usedBy(routes: readonly { destination: string; prefix: number }[]): Subnet[] {
  return routes
    .filter(({ prefix }) => prefix > WIDEST)
    .map(({ destination, prefix }) => parseSubnet(`${destination}/${prefix}`));
}

/** What this host is on or has a way to, by whichever table of routes. @throws {SyscallError} */
export function usedOnHost(socket: NetlinkSocket, family: Family): Subnet[] {
  const addresses = listAddresses(socket, family).map(({ address, prefix }) =>
    parseSubnet(`${address}/${prefix}`),
  );
  return [...usedBy(listRoutes(socket, family)), ...addresses];
}

/** Networks to choose from where nobody names one: pools, and what on the host is in the way. Pure. */

import { FathomError } from "../std/errors.ts";
import { type Network, overlap, parseCidr, sizeOf } from "./ipv4.ts";

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

/** The most networks that a pool is divided into: a typing error must not be counted through for hours. */
const MOST = 2 ** 16;

/** @throws {FathomError} invalid, for a pool that cannot be divided so. */
export function checkPools(pools: readonly Pool[]): void {
  for (const { base, size } of pools) {
    const { prefix } = parseCidr(base);
    if (size >= prefix && size <= 30 && 2 ** (size - prefix) <= MOST) continue;
    throw new FathomError(
      "invalid",
      `default-address-pools: ${base} cannot be divided into networks of size ${size}: give a size from ${prefix} to 30`,
    );
  }
}

/**
 * The first network of the pools that overlaps nothing in `used`.
 * @throws {FathomError} unavailable, when there is none.
 */
export function firstFree(pools: readonly Pool[], used: readonly Network[]): Network {
  for (const pool of pools) {
    const whole = parseCidr(pool.base);
    const step = sizeOf({ prefix: pool.size });
    for (let base = whole.base; base < whole.base + sizeOf(whole); base += step) {
      const candidate = { base, prefix: pool.size };
      if (!used.some((other) => overlap(candidate, other))) return candidate;
    }
  }
  const tried = pools.map(({ base }) => base).join(", ");
  throw new FathomError(
    "unavailable",
    `could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network: ${tried} are all in use on this host; name another with --bip or default-address-pools`,
  );
}

/** A route as a network that is in use; the default route leads everywhere and is in nobody's way. */
export function usedBy(routes: readonly { destination: string; prefix: number }[]): Network[] {
  return routes
    .filter(({ prefix }) => prefix > 0)
    .map(({ destination, prefix }) => parseCidr(`${destination}/${prefix}`));
}

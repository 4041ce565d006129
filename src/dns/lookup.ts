/** Look-ups in a container's tables: which question has which answer, and what is asked for elsewhere. Pure. */

import { addressKey } from "./address.ts";
import { type Answer, encodeName, type Query, TYPE } from "./message.ts";
import type { Known, KnownNetwork } from "./tables.ts";

/** `answers` of a name that is known (none where it has no such record); `elsewhere` of one that is not. */
export type Found = { answers: Answer[] } | "elsewhere";

/** Looks a question up; of several addresses another one comes first each time. */
export function lookUp(known: Known, { name, type, internet }: Query): Found {
  if (!internet) return "elsewhere";
  if (type === TYPE.PTR) return reverse(known, name);
  const addresses = addressesOf(known, name);
  if (addresses === undefined) return "elsewhere";
  return { answers: rotated(addresses.flatMap((address) => recordOf(address, type))) };
}

/** A record of the type that is asked for; of a known name all others are none, and nobody else knows better. */
function recordOf(data: Uint8Array, type: number): Answer[] {
  const own = data.length === 4 ? TYPE.A : TYPE.AAAA;
  return type === own || type === TYPE.ANY ? [{ type: own, data }] : [];
}

/**
 * The name as it is, then as NAME.NETWORK, which may itself have dots: Docker's order. Of each the aliases of all networks come
 * before their names; the first network that knows it answers alone.
 */
function addressesOf(known: Known, name: string): readonly Uint8Array[] | undefined {
  for (const [host, network] of splits(name)) {
    const asked = known.networks.filter((one) => network === "" || one.name === network);
    const found =
      firstOf(asked, (one) => linked(one, host)) ?? firstOf(asked, ({ names }) => names.get(host));
    if (found !== undefined) return found;
  }
  return known.extra.get(name);
}

function linked({ links, names }: KnownNetwork, alias: string): readonly Uint8Array[] | undefined {
  const meant = links.get(alias);
  return meant === undefined ? undefined : names.get(meant);
}

function firstOf<T, R>(all: readonly T[], find: (one: T) => R | undefined): R | undefined {
  for (const one of all) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `a.b.c` is a.b.c, or a.b on the network c, or a on b.c. */
function splits(name: string): [host: string, network: string][] {
  const dots = [...name.matchAll(/\./g)].map(({ index }) => index).reverse();
  const cut = dots.map((dot): [string, string] => [name.slice(0, dot), name.slice(dot + 1)]);
  return [[name, ""], ...cut];
}

function rotated<T>(all: T[]): T[] {
  if (all.length < 2) return all;
  const start = Math.floor(Math.random() * all.length);
  return [...all.slice(start), ...all.slice(0, start)];
}

/** The longest name that a record's data can be. */
const MOST_NAME = 253;

function reverse({ networks }: Known, name: string): Found {
  const address = reversedAddress(name);
  if (address === undefined) return "elsewhere";
  for (const { name: network, hosts } of networks) {
    const host = hosts.get(address);
    const full = `${host}.${network}`;
    if (host !== undefined && full.length <= MOST_NAME)
      return { answers: [{ type: TYPE.PTR, data: encodeName(full) }] };
  }
  return "elsewhere";
}

const V4_SUFFIX = ".in-addr.arpa";
const V6_SUFFIX = ".ip6.arpa";

/** The address that a name of a reverse look-up stands for, as `addressKey` writes it; RFC 1035, 3.5; RFC 3596, 2.5. */
function reversedAddress(name: string): string | undefined {
  if (name.endsWith(V4_SUFFIX)) {
    const text = name.slice(0, -V4_SUFFIX.length).split(".").reverse().join(".");
    return addressKey(text);
  }
  if (!name.endsWith(V6_SUFFIX)) return undefined;
  const digits = name.slice(0, -V6_SUFFIX.length).split(".").reverse();
  if (digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => digits.slice(index * 4, index * 4 + 4).join(""));
  return addressKey(groups.join(":"));
}

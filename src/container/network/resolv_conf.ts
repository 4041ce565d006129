/**
 * A container's resolv.conf, and whom it asks for names: pure; resolv.conf(5).
 *
 * On a network of its own it asks 127.0.0.11 (src/dns/), which asks others; elsewhere it asks them itself. A container with a network
 * namespace of its own has no use for a resolver on the host's loopback; Docker then names Google's, and Fathom names none: no query
 * leaves the host for a place nobody asked for.
 */

import type { FullHostConfig } from "../host_config.ts";
import type { ContainerDefaults, HostNames, ResolverWish } from "../needs.ts";

/** How a container finds names: as the host does, by the servers that the host's file names, or by a resolver of ours. */
export type Lookup = "as-host" | "by-servers" | "by-resolver";

/** What a resolv.conf is made of. */
export interface NamesInput {
  host: Pick<FullHostConfig, "Dns" | "DnsSearch" | "DnsOptions">;
  /** The engine's own, for what the container does not say. */
  defaults: ContainerDefaults["names"];
  ofHost: HostNames;
}

interface Asked {
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

const RESOLVER = "127.0.0.11";
const NAME_PORT = 53;

/** The file's text. What is said for the container replaces the engine's of the same kind, and that the host's. */
export function resolvText(lookup: Lookup, input: NamesInput): string {
  const { servers, search, options } = askedFor(lookup, input);
  const ownNetwork = lookup !== "as-host";
  const asked =
    said(input).servers.length > 0 ? servers : servers.filter((one) => !(ownNetwork && isLoopback(one)));
  const named = lookup === "by-resolver" ? [RESOLVER] : asked;
  const all = lookup === "by-resolver" && !options.some(saysDots) ? [...options, "ndots:0"] : options;
  return [
    ...named.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(all.length > 0 ? [`options ${all.join(" ")}`] : []),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** Whom a resolver of ours asks. Servers that were given are asked from the container's network, as Docker asks them. */
export function resolverWish(input: NamesInput): ResolverWish {
  const { servers, options } = askedFor("by-resolver", input);
  const given = said(input).servers.length > 0;
  const reached = (address: string): "host" | "container" =>
    // The host's own are reached as the host reaches them, where a container may have no way: its loopback, and by IPv6.
    !given && (isLoopback(address) || address.includes(":")) ? "host" : "container";
  return {
    Servers: servers.map((address) => ({ address, port: NAME_PORT, from: reached(address) })),
    Ndots: options.some((option) => saysDots(option) && option !== "ndots:0"),
  };
}

/** What the container or the engine says. */
function said({ host, defaults }: NamesInput): Asked {
  return {
    servers: host.Dns?.length ? host.Dns : defaults.servers,
    search: host.DnsSearch?.length ? host.DnsSearch : defaults.search,
    options: host.DnsOptions?.length ? host.DnsOptions : defaults.options,
  };
}

function askedFor(lookup: Lookup, input: NamesInput): Asked {
  const own = said(input);
  // Without a resolver of ours, the host's loopback cannot be asked: what stands behind that is.
  const ofHost = parseResolv(lookup === "by-servers" ? input.ofHost.beyondLoopback : input.ofHost.own);
  const search = own.search.length > 0 ? own.search : ofHost.search;
  return {
    servers: own.servers.length > 0 ? own.servers : ofHost.servers,
    // `--dns-search .` asks for none.
    search: search.length === 1 && search[0] === "." ? [] : search,
    options: own.options.length > 0 ? own.options : ofHost.options,
  };
}

/** Of several lines `search` or `domain` the last counts, of `options` all: resolv.conf(5). */
export function parseResolv(text: string): Asked {
  const asked = { servers: [] as string[], search: [] as string[], options: [] as string[] };
  for (const line of text.split("\n")) {
    const [word, ...values] = line.trim().split(/\s+/);
    const [first] = values;
    if (first === undefined) continue;
    if (word === "nameserver") asked.servers.push(first);
    else if (word === "search") asked.search = values;
    else if (word === "domain") asked.search = [first];
    else if (word === "options") asked.options.push(...values);
  }
  return asked;
}

function saysDots(option: string): boolean {
  return /^ndots:\d+$/.test(option);
}

function isLoopback(address: string): boolean {
  return /^127\.|^::1$/.test(address);
}

/** The networks of a container from the flags of `run` and `create`: `--network NAME` and its long form, `name=…,ip=…`. */

import type { ContainerCreateRequest } from "../../spec/docker.ts";
import type { EndpointRequest } from "../../spec/docker_network.ts";
import { CommandError } from "../errors.ts";
import type { Parsed } from "../flags.ts";
import { splitCsv } from "./csv.ts";
import type { CREATE_FLAGS } from "./flags.ts";

type Flags = Parsed<typeof CREATE_FLAGS>["flags"];
type Networking = NonNullable<ContainerCreateRequest["NetworkingConfig"]>;

interface Network {
  name: string;
  endpoint: EndpointRequest;
}

/** The first network is the container's mode. */
export function networkMode(flags: Flags): string {
  return parseNetwork(flags.network[0] ?? "default").name;
}

/** Flags of their own, as --ip, are of the first network. @throws {CommandError} */
export function networking(flags: Flags): Networking {
  const networks = (flags.network.length > 0 ? flags.network : ["default"]).map(parseNetwork);
  const names = networks.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new CommandError(`network ${JSON.stringify(twice)} is specified multiple times`, 125);
  const [first, ...others] = networks;
  const all = first === undefined ? [] : [{ ...first, endpoint: ownFlags(flags, first.endpoint) }, ...others];
  const used = all.filter(({ endpoint }) => Object.keys(endpoint).length > 0 || all.length > 1);
  return { EndpointsConfig: Object.fromEntries(used.map(({ name, endpoint }) => [name, endpoint])) };
}

/** @throws {CommandError} for what is said twice, there and in the long form. */
function ownFlags(flags: Flags, endpoint: EndpointRequest): EndpointRequest {
  const { IPAMConfig, Aliases } = endpoint;
  refuseTwice("network-alias", "per-network alias", [flags["network-alias"], Aliases]);
  refuseTwice("ip", "per-network IPv4 address", [flags.ip, IPAMConfig?.IPv4Address]);
  refuseTwice("ip6", "per-network IPv6 address", [flags.ip6, IPAMConfig?.IPv6Address]);
  refuseTwice("mac-address", "per-network MAC address", [flags["mac-address"], endpoint.MacAddress]);
  refuseTwice("link-local-ip", "per-network link-local IP addresses", [
    flags["link-local-ip"],
    IPAMConfig?.LinkLocalIPs,
  ]);
  return said({
    ...endpoint,
    IPAMConfig: said({
      ...IPAMConfig,
      ...(flags.ip !== undefined && { IPv4Address: flags.ip }),
      ...(flags.ip6 !== undefined && { IPv6Address: flags.ip6 }),
      ...(flags["link-local-ip"].length > 0 && { LinkLocalIPs: flags["link-local-ip"] }),
    }),
    ...(flags["network-alias"].length > 0 && { Aliases: flags["network-alias"] }),
    ...(flags["mac-address"] !== undefined && { MacAddress: flags["mac-address"] }),
  });
}

function refuseTwice(flag: string, field: string, [own, long]: readonly unknown[]): void {
  const isSaid = (value: unknown) => (Array.isArray(value) ? value.length > 0 : value !== undefined);
  if (isSaid(own) && isSaid(long))
    throw new CommandError(`conflicting options: cannot specify both --${flag} and ${field}`, 125);
}

/** `NAME`, or fields with commas between them, in quotes where a value has some. @throws {CommandError} */
function parseNetwork(text: string): Network {
  if (!text.includes("=")) return { name: text, endpoint: {} };
  const fields = splitCsv(text).map((field) => fieldOf(text, field));
  const all = (key: string) => fields.filter(([name]) => name === key).map(([, value]) => value);
  const last = (key: string) => all(key).at(-1);
  const name = last("name");
  if (!name) throw new CommandError("network name/id is not specified", 125);
  const [ip, ip6, mac, priority] = [last("ip"), last("ip6"), last("mac-address"), last("gw-priority")];
  const options = all("driver-opt").map((option) => pairOf(text, option));
  return {
    name,
    endpoint: said({
      IPAMConfig: said({
        ...(ip !== undefined && { IPv4Address: ip }),
        ...(ip6 !== undefined && { IPv6Address: ip6 }),
        ...(all("link-local-ip").length > 0 && { LinkLocalIPs: all("link-local-ip") }),
      }),
      Aliases: all("alias"),
      ...(mac !== undefined && { MacAddress: mac }),
      DriverOpts: Object.fromEntries(options),
      ...(priority !== undefined && { GwPriority: wholeNumber(priority) }),
    }),
  };
}

const KEYS = ["name", "alias", "ip", "ip6", "link-local-ip", "mac-address", "driver-opt", "gw-priority"];

function fieldOf(whole: string, field: string): [key: string, value: string] {
  const [name, value] = pairOf(whole, field);
  const key = name.toLowerCase();
  if (KEYS.includes(key)) return [key, value];
  throw new CommandError(`invalid field key ${key}: --network ${whole}`, 125);
}

function pairOf(whole: string, pair: string): [key: string, value: string] {
  const equals = pair.indexOf("=");
  if (equals > 0) return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
  throw new CommandError(`invalid field ${pair} must be a key=value pair: --network ${whole}`, 125);
}

function wholeNumber(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text);
  throw new CommandError(`invalid gw-priority (${text}): it must be a whole number`, 125);
}

/** Without the fields that are empty lists or records. */
function said<T extends object>(fields: T): T {
  const isEmpty = (value: unknown) =>
    typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as T;
}

/** Published ports of a container: what a request asks for, checked, and what `inspect` and `ps` show. Pure. */

import { isIP } from "node:net";
import type { ContainerConfig, HostConfig, NetworkSettings } from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";
import type { Connection, PortWish } from "../needs.ts";

const PROTOCOLS: readonly string[] = ["tcp", "udp", "sctp"] satisfies PortWish["protocol"][];
const HIGHEST = 65_535;

type Asked = Pick<HostConfig, "PortBindings" | "PublishAllPorts">;

interface Port {
  number: number;
  protocol: PortWish["protocol"];
}

/** `80/tcp`, or `80`, which means the same; undefined for what is no port. */
function parsePort(text: string): Port | undefined {
  const [number = "", protocol = "tcp", more] = text.toLowerCase().split("/");
  const value = portNumber(number);
  if (value === undefined || more !== undefined || !PROTOCOLS.includes(protocol)) return undefined;
  return { number: value, protocol: protocol as Port["protocol"] };
}

function portNumber(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= HIGHEST ? Number(text) : undefined;
}

/** A port of the host as asked for: `8080`, `8000-8010`; empty or 0 for whatever is free. Undefined for what is none. */
function parseHostPort(text: string): { range: PortWish["host"] } | undefined {
  if (text === "" || text === "0") return { range: undefined };
  const [, from = "", to = from] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [first, last] = [portNumber(from), portNumber(to)];
  if (first === undefined || last === undefined || last < first || first === 0) return undefined;
  return { range: { first, last } };
}

/** @throws {FathomError} invalid, in Docker's words. */
export function checkPorts(
  { ExposedPorts: exposed }: ContainerConfig,
  host: Asked & Pick<HostConfig, "NetworkMode">,
): void {
  const bindings = Object.entries(host.PortBindings ?? {});
  if (/^container:./.test(host.NetworkMode ?? "")) {
    if (bindings.length > 0 || host.PublishAllPorts)
      throw invalid("conflicting options: port publishing and the container type network mode");
    if (Object.keys(exposed ?? {}).length > 0)
      throw invalid("conflicting options: port exposing and the container type network mode");
  }
  for (const port of [...Object.keys(exposed ?? {}), ...bindings.map(([port]) => port)])
    if ((parsePort(port)?.number ?? 0) === 0) throw noPort(port.split("/")[0] ?? "");
  for (const { HostIp: address = "", HostPort: port = "" } of bindings.flatMap(([, list]) => list ?? [])) {
    if (parseHostPort(port) === undefined) throw noPort(port);
    if (address !== "" && isIP(address) === 0) throw invalid(`invalid IP address: ${address}`);
  }
}

function noPort(text: string): FathomError {
  return invalid(`invalid port specification: ${JSON.stringify(text)}`);
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}

/** What a user should know who asks for ports where there are none to publish. */
export function portWarnings({ NetworkMode, PortBindings }: HostConfig): string[] {
  const isDiscarded = NetworkMode === "host" && Object.keys(PortBindings ?? {}).length > 0;
  return isDiscarded ? ["Published ports are discarded when using host network mode"] : [];
}

/** The ports of the host that are asked for by their number, of a range the first. */
export function namedPorts(
  config: ContainerConfig,
  host: HostConfig,
): { protocol: PortWish["protocol"]; address: string; port: number }[] {
  if (host.NetworkMode === "host" || !Object.keys(host.PortBindings ?? {}).length) return [];
  return portWishes(config, host).flatMap(({ protocol, address, host: range }) =>
    range === undefined ? [] : [{ protocol, address, port: range.first }],
  );
}

/**
 * What a container asks for, ports that are named first: what is chosen must not be one of them. Ports in a row that lead to ports in
 * a row are one wish.
 */
export function portWishes({ ExposedPorts: exposed }: ContainerConfig, host: Asked): PortWish[] {
  const bindings = host.PortBindings ?? {};
  const all = host.PublishAllPorts ? Object.keys(exposed ?? {}) : [];
  const unbound = all.filter((port) => !bindings[port]?.length).map((port) => wishOf(port, {}));
  const bound = Object.entries(bindings).flatMap(([port, list]) =>
    (list ?? []).map((binding) => wishOf(port, binding)),
  );
  const wishes = [...unbound, ...bound].flat();
  return joined(wishes.filter(({ host: named }) => named)).concat(
    wishes.filter(({ host: named }) => !named).sort(chosenFirst),
  );
}

function wishOf(
  text: string,
  { HostIp: address = "", HostPort = "" }: { HostIp?: string; HostPort?: string },
): PortWish[] {
  const port = parsePort(text);
  const range = parseHostPort(HostPort)?.range;
  if (port === undefined) return [];
  const container = { first: port.number, last: port.number };
  return [{ protocol: port.protocol, address, container, ...(range && { host: range }) }];
}

/** Docker's order. */
function chosenFirst(a: PortWish, b: PortWish): number {
  return b.container.first - a.container.first;
}

function joined(wishes: PortWish[]): PortWish[] {
  const found: PortWish[] = [];
  for (const wish of wishes.sort((a, b) => a.container.first - b.container.first)) {
    const before = found.find((one) => goesOn(one, wish));
    if (before?.host && wish.host) {
      before.container.last = wish.container.last;
      before.host.last = wish.host.last;
    } else found.push(wish);
  }
  return found;
}

function goesOn(before: PortWish, { protocol, address, container, host }: PortWish): boolean {
  const size = ({ first, last }: { first: number; last: number }) => last - first;
  return (
    before.protocol === protocol &&
    before.address === address &&
    before.container.last + 1 === container.first &&
    before.host !== undefined &&
    host !== undefined &&
    host.first === host.last &&
    before.host.last + 1 === host.first &&
    size(before.host) === size(before.container)
  );
}

/** Exposed ports, with what of the host leads to each, while a container runs with addresses of its own. */
export function shownPorts(
  { ExposedPorts: exposed }: ContainerConfig,
  { endpoints, ports }: Connection,
): NetworkSettings["Ports"] {
  const hasAddress = Object.values(endpoints).some(
    ({ IPAddress, GlobalIPv6Address }) => IPAddress !== "" || GlobalIPv6Address !== "",
  );
  if (!hasAddress) return {};
  const shown = new Map<string, { HostIp: string; HostPort: string }[] | null>(
    Object.keys(exposed ?? {}).map((port) => [port, null]),
  );
  for (const { Protocol, HostIp, HostPort, ContainerPort, Count } of ports)
    for (let offset = 0; offset < Count; offset++) {
      const port = `${ContainerPort + offset}/${Protocol}`;
      shown.set(port, [...(shown.get(port) ?? []), { HostIp, HostPort: String(HostPort + offset) }]);
    }
  return Object.fromEntries([...shown].sort(([a], [b]) => (a < b ? -1 : 1)));
}

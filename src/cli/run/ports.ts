/** `-p`, `--expose`: ports and ranges of them. */

import type { ContainerConfig, HostConfig } from "../../spec/docker.ts";
import { CommandError } from "../errors.ts";
import { isIP } from "./address.ts";

type Exposed = NonNullable<ContainerConfig["ExposedPorts"]>;
type Bindings = Record<string, { HostIp: string; HostPort: string }[]>;

const PROTOCOLS = ["tcp", "udp", "sctp"];

export interface PortConfig {
  exposed: Exposed;
  bindings: NonNullable<HostConfig["PortBindings"]>;
}

/** What the flags ask for together. Throws CommandError in docker's words. */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PortConfig {
  const exposed: Exposed = {};
  const bindings: Bindings = {};
  for (const { inside, binding } of publish.flatMap(parsePublish)) {
    exposed[inside] = {};
    bindings[inside] = [...(bindings[inside] ?? []), binding];
  }
  for (const port of expose.flatMap(parseExpose)) exposed[port] = {};
  return { exposed, bindings };
}

interface Published {
  inside: string;
  binding: { HostIp: string; HostPort: string };
}

/** `[[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]`, each port also a range; or the long form `target=80,published=8080`. */
function parsePublish(text: string): Published[] {
  const spec = text.includes("=") ? fromLongForm(text) : text;
  const [, ports = "", protocol = "tcp"] = /^([^/]*)(?:\/(.*))?$/.exec(spec) ?? [];
  if (!PROTOCOLS.includes(protocol.toLowerCase())) throw refuse(`invalid proto: ${protocol}`);
  const { address, host, inside } = splitAddress(ports);
  if (inside === "") throw refuse(`no port specified: ${text}<empty>`);
  const target = range(inside);
  if (!target) throw refuse(`invalid containerPort: ${inside}`);
  const source = host === "" ? undefined : range(host);
  if (host !== "" && !source) throw refuse(`invalid hostPort: ${host}`);
  return pair({ text, address, target, source, protocol: protocol.toLowerCase() });
}

function splitAddress(ports: string): { address: string; host: string; inside: string } {
  const parts = ports.split(":");
  const inside = parts.pop() ?? "";
  const host = parts.pop() ?? "";
  const address = parts.join(":").replace(/^\[(.*)\]$/, "$1");
  if (address !== "" && !isIP(address)) throw refuse(`invalid IP address: ${address}`);
  return { address, host, inside };
}

interface Pairing {
  text: string;
  address: string;
  target: Range;
  source: Range | undefined;
  protocol: string;
}

/** Ports of the container beside ports of the host: as many, or a range of which the daemon picks for one. */
function pair({ text, address, target, source, protocol }: Pairing): Published[] {
  const size = target.last - target.first;
  const picks = source !== undefined && size === 0 && source.last > source.first;
  if (source && !picks && source.last - source.first !== size) {
    throw refuse(
      `invalid ranges specified for container and host Ports: ${span(target)} and ${span(source)}: ${text}`,
    );
  }
  return Array.from({ length: size + 1 }, (_, at) => {
    const port = source === undefined ? "" : picks ? span(source) : String(source.first + at);
    return { inside: `${target.first + at}/${protocol}`, binding: { HostIp: address, HostPort: port } };
  });
}

function fromLongForm(text: string): string {
  const fields = new Map(text.split(",").map((field) => field.split("=") as [string, string]));
  const target = fields.get("target") ?? "";
  const published = fields.get("published");
  const inside = `${target}/${fields.get("protocol") ?? "tcp"}`;
  return published === undefined ? inside : `${published}:${inside}`;
}

function parseExpose(text: string): string[] {
  const [, ports = "", protocol = "tcp"] = /^([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  if (ports.includes(":")) throw refuse(`invalid port format for --expose: ${text}`);
  const { first, last } = range(ports) ?? { first: 0, last: -1 };
  if (last < first) {
    const problem = `strconv.ParseUint: parsing ${JSON.stringify(ports)}: invalid syntax`;
    throw refuse(`invalid range format for --expose: ${text}, error: ${problem}`);
  }
  return Array.from({ length: last - first + 1 }, (_, at) => `${first + at}/${protocol.toLowerCase()}`);
}

interface Range {
  first: number;
  last: number;
}

const HIGHEST_PORT = 65_535;

function range(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  return match && first <= last && last <= HIGHEST_PORT ? { first, last } : undefined;
}

function span({ first, last }: Range): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function refuse(problem: string): CommandError {
  return new CommandError(problem, 125);
}

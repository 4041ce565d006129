/** The filters of `docker ps`: read and checked, then asked of each container. */

import { CONTAINER_STATUSES, type NetworkSettings } from "../spec/docker.ts";
import { FathomError } from "../std/errors.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { shownHealth } from "./health/health.ts";
import { familyOf } from "./image_id.ts";
import { mountPoints } from "./inspect.ts";
import { networkSettings, networksOf } from "./network/network.ts";
import { NEVER, type StateRecord } from "./records.ts";
import { isUp } from "./state.ts";

/** Docker's `filters` parameter: name to accepted values. */
export type Filters = Record<string, string[]>;

const NAMES = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
] as const;
type Name = (typeof NAMES)[number];

const HEALTH = ["none", "starting", "healthy", "unhealthy"];

/** Every filter with its values, none where it was not given. @throws {FathomError} invalid. */
export function readFilters(filters: Filters): Record<Name, string[]> {
  const unknown = Object.keys(filters).find((name) => !NAMES.some((known) => known === name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
  const read = Object.fromEntries(NAMES.map((name) => [name, filters[name] ?? []])) as Record<Name, string[]>;
  check(read, "status", (value) => CONTAINER_STATUSES.some((status) => status === value));
  check(read, "exited", (value) => /^-?\d+$/.test(value));
  check(read, "health", (value) => HEALTH.includes(value));
  check(read, "is-task", (value) => /^(?:true|false|0|1)$/.test(value));
  for (const name of ["expose", "publish"] as const) check(read, name, isPort);
  return read;
}

/** `80`, `80/tcp`, `80-90/udp`. */
function isPort(value: string): boolean {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/\w+)?$/.exec(value) ?? [];
  return first !== undefined && Number(first) <= Number(last) && Number(last) < 65_536;
}

function check(read: Record<Name, string[]>, name: Name, isValid: (value: string) => boolean): void {
  const wrong = read[name].find((value) => !isValid(value));
  if (wrong !== undefined) throw new FathomError("invalid", `invalid filter '${name}=${wrong}'`);
}

/** What a container must satisfy: of each filter one value, of labels all. */
export async function matcher(
  context: Context,
  filters: Record<Name, string[]>,
): Promise<(container: Container) => boolean> {
  const created = (names: string[]) => names.map((name) => context.registry.find(name).record.config.Created);
  const before = created(filters.before);
  const since = created(filters.since);
  const families = await Promise.all(filters.ancestor.map((name) => familyOf(context, name)));
  const images = new Set(families.flat());
  const any = (name: Name, test: (value: string) => boolean) =>
    filters[name].length === 0 || filters[name].some(test);
  return (container) => {
    const { record } = container;
    const { config, state } = record;
    const labels = config.Config.Labels ?? {};
    return (
      any("name", (value) => matchesText(value, config.Name) || matchesText(value, `/${config.Name}`)) &&
      any("id", (value) => matchesText(value, config.Id)) &&
      filters.label.every((value) => hasLabel(labels, value)) &&
      any("status", (value) => value === state.Status) &&
      any("exited", (value) => hasEnded(state) && Number(value) === state.ExitCode) &&
      (filters.ancestor.length === 0 || images.has(config.Image)) &&
      before.every((time) => config.Created < time) &&
      since.every((time) => config.Created > time) &&
      any("network", (value) => isOn(networksOf(context, container), value)) &&
      any("volume", (value) =>
        mountPoints(record).some(({ Source, Destination, Name }) =>
          [Source, Destination, Name].includes(value),
        ),
      ) &&
      portsMatch(networkSettings(context, container).Ports, filters) &&
      any("health", (value) => value === (shownHealth(state)?.Status ?? "none")) &&
      any("is-task", (value) => value === "false" || value === "0") &&
      any("isolation", (value) => value === "default")
    );
  };
}

function hasEnded({ Status, StartedAt }: StateRecord): boolean {
  return !isUp(Status) && StartedAt !== NEVER;
}

/** As in Docker, a container has its ports while it is on a network that gives it an address. */
function portsMatch(
  ports: NetworkSettings["Ports"],
  { expose, publish }: Pick<Record<Name, string[]>, "expose" | "publish">,
): boolean {
  const any = (values: string[], of: string[]) =>
    values.length === 0 || values.some((value) => of.some((port) => samePort(port, value)));
  // By its number on the host.
  const published = Object.entries(ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostPort }) => `${HostPort}/${port.split("/")[1]}`),
  );
  return any(expose, Object.keys(ports)) && any(publish, published);
}

/** By the network's name or its ID. */
function isOn(networks: Record<string, { NetworkID: string }>, value: string): boolean {
  return Object.entries(networks).some(
    ([name, { NetworkID }]) => name === value || (NetworkID !== "" && NetworkID === value),
  );
}

/** Equal, or matched by the value as a regular expression, as in Docker. */
function matchesText(value: string, text: string): boolean {
  if (value === text) return true;
  try {
    return new RegExp(value).test(text);
  } catch {
    // No regular expression: then only what is equal matches.
    return false;
  }
}

/** `key` or `key=value`. */
export function hasLabel(labels: Record<string, string>, filter: string): boolean {
  const equals = filter.indexOf("=");
  if (equals < 0) return Object.hasOwn(labels, filter);
  const key = filter.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === filter.slice(equals + 1);
}

/** `80`, `80/tcp` or `80-90/tcp` against `80/tcp`. */
function samePort(port: string, filter: string): boolean {
  const [numbers = "", protocol = "tcp"] = filter.split("/");
  const [first = "", last = first] = numbers.split("-");
  const [number = "", kind = "tcp"] = port.split("/");
  return kind === protocol && Number(number) >= Number(first) && Number(number) <= Number(last);
}

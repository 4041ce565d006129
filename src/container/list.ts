/** `docker ps`: rows of containers, the newest first. */

import type { ContainerSummary, NetworkSettings } from "../spec/docker.ts";
import { commandLine } from "./config.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { type Filters, matcher, readFilters } from "./filters.ts";
import { imageIdOf } from "./image_id.ts";
import { mountPoints } from "./inspect.ts";
import { linkNames } from "./network/links.ts";
import { networkSettings, networksOf } from "./network/network.ts";
import { isUp } from "./state.ts";
import { statusText } from "./status_text.ts";

export interface ListOptions {
  all: boolean;
  /** 0 for no limit. */
  limit: number;
  size: boolean;
  filters: Filters;
}

/** @throws {FathomError} invalid for a filter that there is none of, not-found for a container or image it names. */
export async function listContainers(context: Context, options: ListOptions): Promise<ContainerSummary[]> {
  const filters = readFilters(options.filters);
  const matches = await matcher(context, filters);
  const all = options.all || options.limit > 0 || filters.status.length > 0;
  const found = context.registry
    .all()
    .filter((container) => (all || isUp(container.record.state.Status)) && matches(container))
    .sort(newestFirst);
  const shown = options.limit > 0 ? found.slice(0, options.limit) : found;
  const imageName = imageNames(context);
  const links = linkNames(context);
  return Promise.all(
    shown.map(async (container) => ({
      ...summary(context, container, links),
      Image: await imageName(container),
      ...(options.size && (await sizesOf(context, container))),
    })),
  );
}

function newestFirst(a: Container, b: Container): number {
  const [left, right] = [a.record.config.Created, b.record.config.Created];
  if (left === right) return 0;
  return left < right ? 1 : -1;
}

function summary(
  context: Context,
  container: Container,
  links: ReadonlyMap<string, readonly string[]>,
): ContainerSummary {
  const { record } = container;
  const { config, host, state } = record;
  return {
    Id: config.Id,
    Names: [`/${config.Name}`, ...(links.get(config.Id) ?? [])],
    Image: config.Config.Image,
    ImageID: config.Image,
    Command: commandText(record.config.Config),
    Created: Math.trunc(Date.parse(config.Created) / 1000),
    Ports: portRows(networkSettings(context, container).Ports),
    Labels: config.Config.Labels ?? {},
    State: state.Status,
    Status: statusText(state, Date.now()),
    HostConfig: {
      NetworkMode: host.NetworkMode,
      ...(host.Annotations && { Annotations: host.Annotations }),
    },
    NetworkSettings: { Networks: networksOf(context, container) },
    Mounts: mountPoints(record),
  };
}

/** Exposed ports, and what of the host leads to them. */
function portRows(ports: NetworkSettings["Ports"]): ContainerSummary["Ports"] {
  return Object.entries(ports).flatMap(([port, bindings]) => {
    const [number, Type = "tcp"] = port.split("/");
    const row = { PrivatePort: Number(number), Type };
    if (bindings === null) return [row];
    return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, ...row, PublicPort: Number(HostPort) }));
  });
}

function commandText(config: Parameters<typeof commandLine>[0]): string {
  const { path, args } = commandLine(config);
  return [path, ...args.map((argument) => (argument.includes(" ") ? `'${argument}'` : argument))].join(" ");
}

/** The name a container was made with while that still means its image, its image's ID from then on; each name is asked once. */
function imageNames(context: Context): (container: Container) => Promise<string> {
  const ids = new Map<string, Promise<string | undefined>>();
  return async ({ record: { config } }) => {
    const name = config.Config.Image;
    const asked = ids.get(name) ?? imageIdOf(context, name);
    ids.set(name, asked);
    return (await asked) === config.Image ? name : config.Image;
  };
}

async function sizesOf(
  context: Context,
  { record }: Container,
): Promise<Pick<ContainerSummary, "SizeRw" | "SizeRootFs">> {
  const { rw, rootfs } = await context.options.images.sizes(record.config.Id);
  return { SizeRw: rw, SizeRootFs: rootfs };
}

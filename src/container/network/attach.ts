/** `network connect` and `disconnect`: of a container that runs at once, of another from its next start on. */

import type { EndpointRequest } from "../../spec/docker_network.ts";
import { FathomError } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { writeJson } from "../records.ts";
import { checkEndpoint } from "./check.ts";
import { followNetworks } from "./names.ts";
import { reconnected } from "./network.ts";
import { endpointsIn, wishOf } from "./wishes.ts";

/**
 * Connects it; the caller holds `exclusive`.
 * @throws {FathomError} not-found for the network; forbidden, conflict or invalid, in Docker's words.
 */
export async function connectNetwork(
  context: Context,
  container: Container,
  { network: asked, wish }: { network: string; wish: EndpointRequest },
): Promise<void> {
  const { networks } = context.options;
  const name = found(context, asked);
  const { record } = container;
  const endpoints = endpointsIn(record);
  checkModes(container, name);
  if (name === "none" || (Object.hasOwn(endpoints, "none") && container.live !== undefined))
    throw invalid(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  if (isMarked(container)) throw forbidden(marked(container));
  checkEndpoint(name, wish);
  if (Object.hasOwn(endpoints, name))
    throw forbidden(`endpoint with name ${nameOf(container).name} already exists in network ${name}`);
  const { none: _, ...others } = endpoints;
  if (container.live !== undefined)
    await reconnected(
      context,
      container,
      await networks.join(nameOf(container).id, wishOf(record, name, wish)),
    );
  await noteEndpoints(context, container, { ...others, [name]: wish });
}

/** Disconnects it; the caller holds `exclusive`. @throws {FathomError} as above. */
export async function disconnectNetwork(
  context: Context,
  container: Container,
  { network: asked, force }: { network: string; force: boolean },
): Promise<void> {
  const { record } = container;
  // A network that is gone is still in the container's record.
  const name = Object.hasOwn(endpointsIn(record), asked) ? asked : found(context, asked);
  checkModes(container, name);
  if (isMarked(container)) throw forbidden(marked(container));
  const { [name]: endpoint, ...left } = endpointsIn(record);
  if (endpoint === undefined && !force)
    throw forbidden(`container ${nameOf(container).id} is not connected to network ${name}`);
  const connection = context.options.networks.connectionOf(nameOf(container).id);
  if (connection !== undefined && Object.hasOwn(connection.endpoints, name))
    await reconnected(context, container, await context.options.networks.leave(nameOf(container).id, name));
  await noteEndpoints(context, container, left);
}

/** Of a container that runs: an engine that was killed may have changed what it is on, and not its record yet. */
export async function settleEndpoints(context: Context, container: Container): Promise<void> {
  const { networks } = context.options;
  const connection = container.live && networks.connectionOf(nameOf(container).id);
  if (connection === undefined || container.record.config.Config.NetworkDisabled) return;
  const noted = Object.entries(endpointsIn(container.record)).map(
    ([name, wish]) => [networks.find(name)?.name ?? name, wish] as const,
  );
  const there = Object.entries(connection.endpoints);
  const isNoted = (name: string) => noted.some(([other]) => other === name);
  if (noted.length === there.length && there.every(([name]) => isNoted(name))) return;
  const wishes = new Map(noted);
  const endpoints = there.map(([name, { IPAMConfig, Links, Aliases, DriverOpts, GwPriority }]) => {
    return [name, wishes.get(name) ?? { IPAMConfig, Links, Aliases, DriverOpts, GwPriority }];
  });
  await noteEndpoints(context, container, Object.fromEntries(endpoints));
}

/** A container whose end takes it away, or has begun to, is connected to nothing more. */
function isMarked({ record: { state } }: Container): boolean {
  return state.Status === "removing" || state.Status === "dead";
}

function marked(container: Container): string {
  return `Container ${nameOf(container).id} is marked for removal and cannot be connected or disconnected to the network`;
}

function found({ options }: Context, network: string): string {
  const known = options.networks.find(network);
  if (known === undefined) throw new FathomError("not-found", `network ${network} not found`);
  return known.name;
}

function checkModes({ record: { host } }: Container, network: string): void {
  if (network === "host" || host.NetworkMode === "host")
    throw invalid("container cannot be disconnected from host network or connected to host network");
  if (host.NetworkMode.startsWith("container:"))
    throw invalid(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
}

/** From here on the container is where its record says, and finds names there. */
async function noteEndpoints(
  context: Context,
  container: Container,
  endpoints: Record<string, EndpointRequest>,
): Promise<void> {
  const { record, paths } = container;
  const before = { ...record, config: { ...record.config } };
  record.config.Endpoints = endpoints;
  await writeJson(paths.config, record.config, { sync: !record.host.AutoRemove });
  if (container.live !== undefined) await followNetworks(context, container, before);
}

function forbidden(sentence: string): FathomError {
  return new FathomError("forbidden", sentence);
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}

/** A container and its networks: connecting it before it starts, and what `inspect` and `ps` show of that. */

import { writeFile } from "node:fs/promises";
import type { NetworkSettings } from "../../spec/docker.ts";
import type { EndpointSettings } from "../../spec/docker_network.ts";
import { messageOf } from "../../std/errors.ts";
import { type NetworkRate, parseNetworkRate } from "../../std/network_rate.ts";
import { settleAll } from "../../std/settle.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import type { FullHostConfig } from "../host_config.ts";
import type { Connection, EndpointWish } from "../needs.ts";
import { type ContainerRecord, NEVER } from "../records.ts";
import { asksForGateway, hostsFile } from "./files.ts";
import { checkLinks, linkedHosts, linkersOf } from "./links.ts";
import { renewResolv, resolverFor } from "./names.ts";
import { portWishes, shownPorts } from "./ports.ts";
import { wishesOf } from "./wishes.ts";

/**
 * Connects a container that is about to start and writes its addresses to its hosts file. Gives the path of its network namespace;
 * undefined where it has that of the host, of another container, or a new one that the runtime makes.
 */
export async function connectContainer(context: Context, container: Container): Promise<string | undefined> {
  const networks = wishesOf(container.record);
  if (networks === undefined) return undefined;
  checkLinks(context, container);
  const resolver = await resolverFor(context, container.record);
  const [{ endpoints, sandboxKey }] = await settleAll([
    context.options.networks.connect({
      container: nameOf(container).id,
      networks,
      published: publishedBy(context, container),
      rate: rateOf(container.record.host),
      users: container.record.config.IdMaps,
      ...resolver,
    }),
    renewResolv(context, container),
  ]);
  await writeHosts(context, container, endpoints);
  return sandboxKey === "" ? undefined : sandboxKey;
}

function publishedBy({ registry }: Context, { record }: Container) {
  const wishes = portWishes(record.config.Config, record.host);
  const nameOfId = (id: string) => nameOf(registry.find(id)).name;
  return wishes.length === 0 ? undefined : { wishes, nameOf: nameOfId };
}

function rateOf({ NetworkRate: text }: FullHostConfig): NetworkRate | undefined {
  return text === undefined ? undefined : parseNetworkRate(text);
}

/** After a change of what a container that runs is connected to. */
export async function reconnected(
  context: Context,
  container: Container,
  { endpoints }: Connection,
): Promise<void> {
  await writeHosts(context, container, endpoints);
}

/** In place: the file is mounted in the container, so that another of the same name would not be seen there. */
async function writeHosts(
  context: Context,
  container: Container,
  endpoints: Connection["endpoints"],
): Promise<void> {
  const { record, paths } = container;
  const { host, config } = record;
  const own = Object.values(endpoints).filter(
    ({ IPAddress, GlobalIPv6Address }) => IPAddress !== "" || GlobalIPv6Address !== "",
  );
  // On the host's network, and on none, it stays as it was made.
  if (own.length === 0) return;
  const gateway = asksForGateway(host) ? await context.options.networks.hostGateway() : undefined;
  const names = ownNames(config.Config);
  const entries = [
    ...linkedHosts(context, container),
    ...own
      .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
      .filter((address) => address !== "")
      .map((address) => ({ address, names })),
  ];
  await writeFile(paths.hosts, hostsFile(host, { gateway, entries }), { mode: 0o644 });
}

/** A container that starts may have another address than before: those that are linked to it learn it. Never rejects. */
export async function refreshLinkers(context: Context, child: Container): Promise<void> {
  for (const linker of linkersOf(context, child)) {
    const connection = context.options.networks.connectionOf(nameOf(linker).id);
    if (connection === undefined) continue;
    await writeHosts(context, linker, connection.endpoints).catch((error) =>
      context.options.warn(
        `container ${nameOf(linker).id}: its hosts file cannot be renewed: ${messageOf(error)}`,
      ),
    );
  }
}

function ownNames({
  Hostname: host,
  Domainname: domain,
}: {
  Hostname: string;
  Domainname: string;
}): string[] {
  return domain === "" ? [host] : [`${host}.${domain}`, host];
}

/** The networks a container is on, or would be: without addresses while it does not run. */
export function networksOf(context: Context, { record }: Container): Record<string, EndpointSettings> {
  if (record.config.Config.NetworkDisabled) return {};
  const connection = context.options.networks.connectionOf(record.config.Id);
  if (connection !== undefined) return connection.endpoints;
  const wishes = wishesOf(record) ?? [];
  return Object.fromEntries(wishes.map((wish) => [wish.network, asAsked(context, record, wish)]));
}

/** Of one that has run, Docker still tells which network that was on. */
function asAsked(
  context: Context,
  { state }: ContainerRecord,
  { network, asked = {}, dnsNames = [] }: EndpointWish,
): EndpointSettings {
  const { IPAMConfig, Links, Aliases, MacAddress = "", DriverOpts, GwPriority = 0 } = asked;
  return {
    ...NO_ENDPOINT,
    IPAMConfig: IPAMConfig ? addressesAsked(IPAMConfig) : null,
    Links: Links?.length ? Links : null,
    Aliases: Aliases?.length ? Aliases : null,
    MacAddress,
    DriverOpts: DriverOpts ?? null,
    GwPriority,
    NetworkID: state.StartedAt === NEVER ? "" : (context.options.networks.find(network)?.id ?? ""),
    DNSNames: dnsNames.length === 0 ? null : [...dnsNames],
  };
}

function addressesAsked({
  LinkLocalIPs,
  ...rest
}: NonNullable<EndpointWish["asked"]>["IPAMConfig"] & object): EndpointSettings["IPAMConfig"] {
  return { ...rest, ...(LinkLocalIPs && { LinkLocalIPs }) };
}

const NO_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: "",
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** The default bridge's addresses stand beside the list of networks too, as since Docker's first days. */
export function networkSettings(context: Context, container: Container): NetworkSettings {
  const { record } = container;
  // Docker shows none of one without a network, which has a namespace all the same.
  const shown = record.config.Config.NetworkDisabled !== true;
  const connection = shown ? context.options.networks.connectionOf(record.config.Id) : undefined;
  const endpoint = connection?.endpoints.bridge ?? NO_ENDPOINT;
  return {
    Bridge: "",
    SandboxID: connection?.sandboxId ?? "",
    SandboxKey: connection?.sandboxKey ?? "",
    Ports: connection === undefined ? {} : shownPorts(record.config.Config, connection),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: endpoint.EndpointID,
    Gateway: endpoint.Gateway,
    GlobalIPv6Address: endpoint.GlobalIPv6Address,
    GlobalIPv6PrefixLen: endpoint.GlobalIPv6PrefixLen,
    IPAddress: endpoint.IPAddress,
    IPPrefixLen: endpoint.IPPrefixLen,
    IPv6Gateway: endpoint.IPv6Gateway,
    MacAddress: endpoint.MacAddress,
    Networks: networksOf(context, container),
  };
}

/** The networks of one engine: see Networks in options.ts for the contract. */

import { join } from "node:path";
import { NETLINK, type NetlinkSocket, openNetlink } from "../kernel/net/mod.ts";
import type { NetworkResource } from "../spec/docker_network.ts";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import type { NetworkRate } from "../std/network_rate.ts";
import { addressBooks } from "./addresses.ts";
import { openFirewall } from "./backends/fallback.ts";
import { engineName } from "./bridge.ts";
import { connect, limit, noteLimit } from "./connect.ts";
import { containersOn, describeConnection, describeNetwork } from "./describe.ts";
import { filteredBridges } from "./filtered.ts";
import { filterNetworks } from "./filters.ts";
import { watchLingering } from "./lingering.ts";
import { keepNameTables } from "./name_tables.ts";
import type { FoundNetwork, Networks, NetworksOptions } from "./options.ts";
import { lazyForwarder } from "./ports/lazy_forwarder.ts";
import type { Ports } from "./ports/state.ts";
import { exposureWarnings, reachOfContainer, reachOfGuest } from "./reach/gather.ts";
import type { NetworkRecord } from "./records.ts";
import { release, releaseAllBut, sweepNamespaces } from "./release.ts";
import { resolverOf, setNames, setResolver } from "./resolver.ts";
import { openSegments } from "./segments.ts";
import { findNetwork, type State, visibleNetworks } from "./state.ts";
import { openRecords } from "./store.ts";
import { wiringOf } from "./wiring.ts";

/** Opens the networks below `options.dataRoot`, and takes away namespaces that nobody has a record of. */
export async function openNetworks(options: NetworksOptions): Promise<Networks> {
  const store = await openRecords(options, options.warn);
  let socket: NetlinkSocket | undefined;
  const host = (): NetlinkSocket => {
    socket ??= openNetlink(NETLINK.ROUTE);
    return socket;
  };
  const { settings, warn } = options;
  const { filter: wanted, ports: portSettings } = settings;
  const published = { store, forwarder: {} };
  const firewall = openFirewall(settings.firewallBackend, {
    table: engineName(options.dataRoot),
    published,
    respectHostFirewall: settings.respectHostFirewall,
    mark: join(options.execRoot, "rules-by-iptables"),
    host,
    run: options.run,
    warn,
  });
  const filtered = filteredBridges(firewall, { wanted, warn });
  const ports: Ports = {
    ...published,
    settings: portSettings,
    filter: wanted,
    cursor: new Map(),
    firewall,
    openForwarder: () => forwarding.open(),
    host,
    warn,
  };
  const forwarding = lazyForwarder(ports);
  const state: State = {
    options,
    store,
    host,
    segments: openSegments({ options, store, filtered, host }),
    books: addressBooks(store),
    names: await keepNameTables(store, { execRoot: options.execRoot, gateway: settings.hostGateway }),
    inherited: new Set(store.sandboxes.values()),
    lingering: watchLingering(host),
    ports,
  };
  await sweepNamespaces(store);
  return {
    connect: (request) => connect(state, request),
    join: async (container, wish) => (await import("./join.ts")).join(state, container, wish),
    leave: async (container, name) => (await import("./join.ts")).leave(state, container, name),
    create: async (request) => (await import("./create.ts")).createNetwork(state, request),
    remove: async (name) => (await import("./remove.ts")).removeNetwork(state, name),
    prune: async (filters) => (await import("./remove.ts")).pruneNetworks(state, filters),
    setRate: (container, rate) => setRate(state, container, rate),
    resolverOf: (container) => resolverOf(state, container),
    setResolver: (container, resolver) => setResolver(state, container, resolver),
    setNames: (container, wishes) => setNames(state, container, wishes),
    release: (container) => release(state, container),
    releaseAllBut: async (containers) => {
      await releaseAllBut(state, containers);
      const endpoints = [...store.sandboxes.values()].flatMap(({ Endpoints }) => Endpoints);
      if (endpoints.some(({ Changing }) => Changing))
        await (await import("./join.ts")).leaveInterrupted(state);
    },
    connectionOf: (container) => {
      const sandbox = store.sandboxes.get(container);
      return sandbox && describeConnection(sandbox, store.networks);
    },
    find: (name) => found(state, name),
    hostGateway: async () => options.settings.hostGateway ?? bridgeGateway(state),
    list: async (filters) => {
      await shown(state);
      const all = visibleNetworks(state)
        .sort(newestFirst)
        .map((network) => withContainers(state, network, () => ""));
      return filterNetworks(all, filters).map((network) => ({ ...network, Containers: {} }));
    },
    inspect: async (name, nameOf) => {
      const network = findNetwork(state, name);
      await shown(state);
      return withContainers(state, network, nameOf);
    },
    reach: (container, sockets) => reachOfContainer(state, container, sockets),
    reachOnHost: (sockets) => reachOfGuest(state, sockets),
    exposureWarnings: async (asked) => exposureWarnings(state, asked),
    wiring: () => wiringOf(store, engineName(options.dataRoot)),
    firewall: () => (wanted ? firewall.name : "none"),
    warnings: () => filtered.warnings(),
    close: async () => {
      state.lingering.close();
      forwarding.close();
      const used = usedNetworks(state);
      for (const network of store.networks.values())
        if (!used.has(network.Id)) state.segments.remove(network);
      await filtered.close();
      socket?.[Symbol.dispose]();
    },
  };
}

function found(state: State, name: string): FoundNetwork | undefined {
  try {
    const { Id: id, Name } = findNetwork(state, name);
    return { id, name: Name };
  } catch (error) {
    if (kindOf(error) === "not-found") return undefined;
    throw error;
  }
}

/** The networks that somebody's links are on. */
function usedNetworks({ store }: State): ReadonlySet<string> {
  const running = [...store.sandboxes.values()].filter(({ Key }) => Key !== "");
  return new Set(running.flatMap(({ Endpoints }) => Endpoints.map(({ Network }) => Network)));
}

function newestFirst(a: NetworkRecord, b: NetworkRecord): number {
  return a.Created < b.Created ? 1 : -1;
}

function withContainers(
  { store }: State,
  network: NetworkRecord,
  nameOf: (id: string) => string,
): NetworkResource {
  return { ...describeNetwork(network), Containers: containersOn(network, store.sandboxes.values(), nameOf) };
}

function defaultBridge(state: State): NetworkRecord | undefined {
  return visibleNetworks(state).find(({ Name }) => Name === "bridge");
}

/** A network whose addresses somebody wants to see must have them. */
async function shown(state: State): Promise<void> {
  const network = defaultBridge(state);
  if (network === undefined) return;
  await state.segments
    .of(network)
    ?.ready()
    .catch((error) => state.options.warn(`the default bridge cannot be had: ${messageOf(error)}`));
}

async function bridgeGateway(state: State): Promise<string> {
  const network = defaultBridge(state);
  if (network === undefined)
    throw new FathomError(
      "invalid",
      "unable to derive the IP value for host-gateway: there is no default bridge; give the engine --host-gateway-ip",
    );
  await state.segments.of(network)?.ready();
  return network.Subnets[0]?.Gateway ?? "";
}

async function setRate(state: State, container: string, rate: NetworkRate): Promise<void> {
  const sandbox = state.store.sandboxes.get(container);
  if (sandbox === undefined)
    throw new FathomError("conflict", `container ${container} is not connected to any network`);
  noteLimit(sandbox, rate);
  await state.store.saveSandbox(sandbox);
  limit(state, sandbox, rate);
}

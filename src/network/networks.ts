/** The networks of one engine: see Networks in options.ts for the contract. */

import { join } from "node:path";
import { letGoOfNetworkNamespace, NETLINK, type NetlinkSocket, openNetlink } from "../kernel/net/mod.ts";
import type { NetworkResource } from "../spec/docker_network.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import type { NetworkRate } from "../std/network_rate.ts";
import type { Bridge } from "./bridge.ts";
import { type DefaultNetwork, defaultNetwork } from "./default_network.ts";
import { containersOn, describeConnection, describeNetwork } from "./describe.ts";
import { filterNetworks } from "./filters.ts";
import { addressText, macOf } from "./ipv4.ts";
import { type Lingering, watchLingering } from "./lingering.ts";
import type { Connection, ConnectRequest, Networks, NetworksOptions } from "./options.ts";
import { applyRate, removeQueue } from "./rate.ts";
import {
  type EndpointRecord,
  inventId,
  keptNamespaces,
  type NetworkRecord,
  openRecords,
  type RecordStore,
  type SandboxRecord,
} from "./records.ts";
import { makeSandbox } from "./sandbox.ts";

interface State {
  options: NetworksOptions;
  store: RecordStore;
  bridge: DefaultNetwork;
  host: () => NetlinkSocket;
  lingering: Lingering;
  /** What an earlier engine noted. */
  inherited: ReadonlySet<SandboxRecord>;
}

/** Opens the networks below `options.dataRoot`, and takes away namespaces that nobody has a record of. */
export async function openNetworks(options: NetworksOptions): Promise<Networks> {
  const store = await openRecords(options, options.warn);
  let socket: NetlinkSocket | undefined;
  const host = (): NetlinkSocket => {
    socket ??= openNetlink(NETLINK.ROUTE);
    return socket;
  };
  const record = named(store, "bridge");
  const bridge = defaultNetwork(record, { options, store, host });
  const inherited = new Set(store.sandboxes.values());
  const state: State = { options, store, host, bridge, inherited, lingering: watchLingering(host) };
  await sweepNamespaces(store);
  return {
    connect: (request) => connect(state, request),
    setRate: (container, rate) => setRate(state, container, rate),
    release: (container) => release(state, container),
    releaseAllBut: (containers) => releaseAllBut(state, containers),
    connectionOf: (container) => {
      const sandbox = store.sandboxes.get(container);
      return sandbox && describeConnection(sandbox, store.networks);
    },
    idOf: (name) => [...store.networks.values()].find(({ Name }) => Name === name)?.Id ?? "",
    hostGateway: async () => options.settings.hostGateway ?? bridgeGateway(state),
    list: async (filters) => {
      await shown(state);
      const all = visible(state)
        .sort(newestFirst)
        .map((network) => withContainers(state, network, () => ""));
      return filterNetworks(all, filters).map((network) => ({ ...network, Containers: {} }));
    },
    inspect: async (name, nameOf) => {
      const network = find(state, name);
      await shown(state);
      return {
        ...describeNetwork(network),
        Containers: containersOn(network, store.sandboxes.values(), nameOf),
      };
    },
    warnings: () => state.bridge.warnings(),
    close: async () => {
      state.lingering.close();
      const inUse = [...store.sandboxes.values()].some(({ Key }) => Key !== "");
      if (!inUse) state.bridge.remove();
      state.bridge.close();
      socket?.[Symbol.dispose]();
    },
  };
}

function newestFirst(a: NetworkRecord, b: NetworkRecord): number {
  return a.Created < b.Created ? 1 : -1;
}

function named({ networks }: RecordStore, name: string): NetworkRecord {
  const found = [...networks.values()].find(({ Name }) => Name === name);
  if (found === undefined) throw new FathomError("not-found", `network ${name} not found`);
  return found;
}

function withContainers(
  { store }: State,
  network: NetworkRecord,
  nameOf: (id: string) => string,
): NetworkResource {
  return { ...describeNetwork(network), Containers: containersOn(network, store.sandboxes.values(), nameOf) };
}

/** Without the default bridge where the engine is to have none. */
function visible({ store, options, bridge }: State): NetworkRecord[] {
  return [...store.networks.values()].filter((one) => !(one === bridge.record && options.settings.disabled));
}

function find(state: State, name: string): NetworkRecord {
  const all = visible(state);
  const exact = all.find(({ Id, Name }) => Name === name || Id === name);
  if (exact !== undefined) return exact;
  const [first, second] = name === "" ? [] : all.filter(({ Id }) => Id.startsWith(name));
  if (second !== undefined)
    throw new FathomError(
      "invalid",
      `network ${name} is ambiguous (2 or more networks have IDs that begin so)`,
    );
  if (first === undefined) throw new FathomError("not-found", `network ${name} not found`);
  return first;
}

/** A network whose addresses somebody wants to see must have them. */
async function shown({ bridge, options }: State): Promise<void> {
  if (options.settings.disabled) return;
  await bridge
    .ready()
    .catch((error) => options.warn(`the default bridge cannot be had: ${messageOf(error)}`));
}

async function bridgeGateway({ bridge, options }: State): Promise<string> {
  if (options.settings.disabled)
    throw new FathomError(
      "invalid",
      "unable to derive the IP value for host-gateway: there is no default bridge; give the engine --host-gateway-ip",
    );
  return bridge.gatewayOf(await bridge.ready());
}

/** The record is written while the kernel works; both are done before the container starts. */
async function connect(state: State, request: ConnectRequest): Promise<Connection> {
  const { store, options } = state;
  const network = find(state, request.network);
  await release(state, request.container);
  const bridge = network.Driver === "bridge" ? await state.bridge.ready() : undefined;
  const sandbox = planSandbox(state, { request, network, bridge });
  noteLimit(sandbox, request.rate ?? {});
  // In this order: an address is taken from the moment it is chosen.
  store.sandboxes.set(sandbox.Container, sandbox);
  const saving = store.saveSandbox(sandbox);
  try {
    if (bridge !== undefined) {
      makeSandbox(state.host(), sandbox, {
        connections: sandbox.Endpoints.map((endpoint) => ({
          endpoint,
          bridge,
          isolated: !options.settings.betweenContainers,
        })),
        users: request.users,
      });
      if (request.rate !== undefined) limit(state, sandbox, request.rate);
    }
    await saving;
  } catch (error) {
    await saving.catch(() => undefined);
    await letGo(state, sandbox);
    throw error;
  }
  tell(options, { action: "connect", network, container: request.container });
  return describeConnection(sandbox, store.networks);
}

/** What a container gets: pure, but for IDs. */
function planSandbox(
  { store, bridge: defaults }: State,
  {
    request,
    network,
    bridge,
  }: { request: ConnectRequest; network: NetworkRecord; bridge: Bridge | undefined },
): SandboxRecord {
  const id = inventId();
  const endpoint: EndpointRecord = {
    Id: inventId(),
    Network: network.Id,
    Link: "",
    Address: "",
    Prefix: 0,
    Gateway: "",
    Mac: "",
  };
  const sandbox = { Container: request.container, Id: id, Key: "", Endpoints: [endpoint] };
  if (bridge === undefined) return sandbox;
  const address = defaults.freeAddress(bridge);
  Object.assign(endpoint, {
    Link: `fm${endpoint.Id.slice(0, LINK_DIGITS)}`,
    Address: addressText(address),
    Prefix: bridge.address.prefix,
    Gateway: defaults.gatewayOf(bridge),
    Mac: request.mac ?? macOf(address),
  });
  return { ...sandbox, Key: join(store.namespaces, id.slice(0, SHORT)) };
}

/** A link's name has 15 bytes. */
const LINK_DIGITS = 9;
const SHORT = 12;

async function release(state: State, container: string): Promise<void> {
  const sandbox = state.store.sandboxes.get(container);
  if (sandbox === undefined) return;
  await letGo(state, sandbox);
  for (const { Network } of sandbox.Endpoints) {
    const network = state.store.networks.get(Network);
    if (network !== undefined) tell(state.options, { action: "disconnect", network, container });
  }
}

/** The addresses are free from here on. The record goes last: an engine that is killed before finds it and tries again. */
async function letGo(state: State, sandbox: SandboxRecord): Promise<void> {
  const { store } = state;
  if (sandbox.Key !== "") {
    letGoOfNetworkNamespace(sandbox.Key);
    for (const { Link, Limited } of sandbox.Endpoints) if (Limited) removeQueue(state.host(), Link);
    for (const { Link } of sandbox.Endpoints) state.lingering.expect(Link);
  }
  if (store.sandboxes.get(sandbox.Container) === sandbox) store.sandboxes.delete(sandbox.Container);
  await store.dropSandbox(sandbox.Container);
}

/** Both limits are the kernel's to keep: nothing of them is here but the note that there may be a link to remove. */
function limit(state: State, { Endpoints }: SandboxRecord, rate: NetworkRate): void {
  for (const { Link } of Endpoints) if (Link !== "") applyRate(state.host(), Link, rate);
}

async function setRate(state: State, container: string, rate: NetworkRate): Promise<void> {
  const sandbox = state.store.sandboxes.get(container);
  if (sandbox === undefined)
    throw new FathomError("conflict", `container ${container} is not connected to any network`);
  noteLimit(sandbox, rate);
  await state.store.saveSandbox(sandbox);
  limit(state, sandbox, rate);
}

/** Before the kernel is asked, so that whoever cleans up knows. */
function noteLimit({ Endpoints }: SandboxRecord, { up }: NetworkRate): void {
  if (up !== undefined) for (const endpoint of Endpoints) endpoint.Limited = true;
}

/** What an engine that is killed may have left: sandboxes of containers that have ended meanwhile. */
async function releaseAllBut(state: State, containers: ReadonlySet<string>): Promise<void> {
  const sandboxes = [...state.store.sandboxes.values()];
  await Promise.all(
    sandboxes
      .filter((sandbox) => state.inherited.has(sandbox) && !containers.has(sandbox.Container))
      .map(({ Container }) =>
        release(state, Container).catch((error) =>
          state.options.warn(
            `what container ${Container} had of networks is still there: ${messageOf(error)}`,
          ),
        ),
      ),
  );
  // Those that run need the bridge and its rules, which somebody may have flushed meanwhile.
  if (sandboxes.some(({ Container, Key }) => Key !== "" && containers.has(Container))) await shown(state);
}

/** Namespaces that were made and never noted down: an engine was killed in between. */
async function sweepNamespaces(store: RecordStore): Promise<void> {
  const known = new Set([...store.sandboxes.values()].map(({ Key }) => Key));
  for (const name of await keptNamespaces(store)) {
    const path = join(store.namespaces, name);
    if (!known.has(path)) letGoOfNetworkNamespace(path);
  }
}

function tell(
  { emit }: NetworksOptions,
  { action, network, container }: { action: string; network: NetworkRecord; container: string },
): void {
  emit({ action, id: network.Id, attributes: { container, name: network.Name, type: network.Driver } });
}

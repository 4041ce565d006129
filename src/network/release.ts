/** Giving back what containers had of networks. */

import { join } from "node:path";
import { deleteLink, letGoOfNetworkNamespace, openNetworkNamespace } from "../kernel/net/mod.ts";
import { messageOf } from "../std/errors.ts";
import { closePorts } from "./ports/publish.ts";
import { removeQueue } from "./rate.ts";
import type { EndpointRecord, SandboxRecord } from "./records.ts";
import { type State, tell } from "./state.ts";
import { keptNamespaces, type RecordStore } from "./store.ts";

/** No error where a container has nothing. */
export async function release(state: State, container: string): Promise<void> {
  const sandbox = state.store.sandboxes.get(container);
  if (sandbox === undefined) return;
  await letGo(state, sandbox);
  for (const { Network } of sandbox.Endpoints) {
    const network = state.store.networks.get(Network);
    if (network !== undefined) tell(state.options, { action: "disconnect", network, container });
  }
}

/** The addresses are free from here on. The record goes last: an engine that is killed before finds it and tries again. */
export async function letGo(state: State, sandbox: SandboxRecord): Promise<void> {
  const { store } = state;
  const closing = closePorts(state.ports, sandbox);
  if (sandbox.Key !== "") {
    removeSublinks(sandbox);
    letGoOfNetworkNamespace(sandbox.Key);
    for (const endpoint of sandbox.Endpoints) letGoOfLink(state, endpoint);
  }
  for (const endpoint of sandbox.Endpoints) giveBack(state, endpoint);
  if (store.sandboxes.get(sandbox.Container) === sandbox) store.sandboxes.delete(sandbox.Container);
  await store.dropSandbox(sandbox.Container);
  await closing;
}

/**
 * Links that are made on one of the host have no end there by which they could be removed later, and as long as one is there nobody
 * else has its MAC address: the next start of the same container must not wait until the kernel has dismantled the namespace.
 */
function removeSublinks({ Key, Endpoints }: SandboxRecord): void {
  const sublinks = Endpoints.filter(({ Link, Interface }) => Link === "" && Interface !== "");
  if (sublinks.length === 0) return;
  using namespace = openNetworkNamespace(Key);
  if (namespace === undefined) return;
  for (const { Interface } of sublinks) deleteLink(namespace.route, Interface);
}

function letGoOfLink(state: State, { Link, Limited }: EndpointRecord): void {
  if (Limited) removeQueue(state.host(), Link);
  if (Link !== "") state.lingering.expect(Link);
}

/** Makes its addresses free. */
export function giveBack({ books, store }: State, { Network, Address, Address6 }: EndpointRecord): void {
  const network = store.networks.get(Network);
  if (network === undefined) return;
  for (const address of [Address, Address6]) books.giveBack(network, address);
}

/** What an engine that is killed may have left: sandboxes of containers that have ended meanwhile. */
export async function releaseAllBut(state: State, containers: ReadonlySet<string>): Promise<void> {
  const sandboxes = [...state.store.sandboxes.values()];
  // Where the one before listened, nobody does any more.
  if (sandboxes.some(({ Ports = [] }) => Ports.length > 0)) await state.ports.openForwarder();
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
  const running = sandboxes.filter(({ Container, Key }) => Key !== "" && containers.has(Container));
  await reopen(state, new Set(running.flatMap(({ Endpoints }) => Endpoints.map(({ Network }) => Network))));
}

/** Containers that run need their bridges and rules, which somebody may have flushed meanwhile. */
async function reopen({ store, segments, options }: State, networks: ReadonlySet<string>): Promise<void> {
  for (const id of networks) {
    const network = store.networks.get(id);
    const segment = network && segments.of(network);
    await segment
      ?.ready()
      .catch((error) => options.warn(`the network ${network?.Name} cannot be had: ${messageOf(error)}`));
  }
}

/** Namespaces that were made and never noted down: an engine was killed in between. */
export async function sweepNamespaces(store: RecordStore): Promise<void> {
  const known = new Set([...store.sandboxes.values()].map(({ Key }) => Key));
  for (const name of await keptNamespaces(store)) {
    const path = join(store.namespaces, name);
    if (!known.has(path)) letGoOfNetworkNamespace(path);
  }
}

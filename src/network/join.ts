/** Connecting a container that runs to one network more, or to one less. */

import { FathomError, messageOf } from "../std/errors.ts";
import { attachmentFor } from "./connect.ts";
import { describeConnection } from "./describe.ts";
import { planEndpoint } from "./endpoint.ts";
import { resolvesNames } from "./names.ts";
import { planWithNews } from "./news.ts";
import type { Connection, EndpointWish } from "./options.ts";
import { closePorts, openPorts } from "./ports/publish.ts";
import { removeQueue } from "./rate.ts";
import type { EndpointRecord, SandboxRecord } from "./records.ts";
import { giveBack } from "./release.ts";
import { leadToResolver } from "./resolver.ts";
import { joinSandbox, leaveSandbox } from "./sandbox.ts";
import { findNetwork, type State, tell } from "./state.ts";
import { waysOut } from "./ways_out.ts";

/** See Networks. The record is written first: an engine that is killed knows what to take away. */
export async function join(state: State, container: string, wish: EndpointWish): Promise<Connection> {
  const { store } = state;
  const attachment = await attachmentFor(state, wish);
  const { network, junction } = attachment;
  const sandbox = sandboxOf(state, container);
  if (sandbox.Endpoints.some(({ Network }) => Network === network.Id))
    throw new FathomError(
      "forbidden",
      `endpoint with name ${wish.dnsNames?.[0] ?? container} already exists in network ${network.Name}`,
    );
  if (sandbox.Key === "" || junction === undefined)
    throw new FathomError("conflict", `container ${container} has no network namespace of its own`);
  const endpoint: EndpointRecord = {
    ...planEndpoint(state, attachment, sandbox.Endpoints),
    Changing: true,
  };
  const hadNames = resolvesNames(sandbox);
  const closing = closePorts(state.ports, sandbox);
  sandbox.Endpoints.push(endpoint);
  try {
    await closing;
    await store.saveSandbox(sandbox);
    const ways = waysOut(sandbox.Endpoints, store.networks);
    const plan = planWithNews(state, { network, junction }, endpoint);
    joinSandbox(state.host(), sandbox, { plan, ways });
    if (!hadNames && resolvesNames(sandbox)) await leadToResolver(state, sandbox);
    await openPorts(state.ports, sandbox);
    delete endpoint.Changing;
    await store.saveSandbox(sandbox);
  } catch (error) {
    await forget(state, sandbox, endpoint);
    throw error;
  }
  tell(state.options, { action: "connect", network, container });
  return describeConnection(sandbox, store.networks);
}

/** See Networks. The record goes last: an engine that is killed before knows what to take away. */
export async function leave(state: State, container: string, name: string): Promise<Connection> {
  const { store } = state;
  const network = findNetwork(state, name);
  const sandbox = sandboxOf(state, container);
  const endpoint = sandbox.Endpoints.find(({ Network }) => Network === network.Id);
  if (endpoint === undefined)
    throw new FathomError("forbidden", `container ${container} is not connected to network ${network.Name}`);
  const left = sandbox.Endpoints.filter((one) => one !== endpoint);
  endpoint.Changing = true;
  await store.saveSandbox(sandbox);
  const closing = closePorts(state.ports, sandbox);
  leaveSandbox(state.host(), sandbox, { endpoint, ways: waysOut(left, store.networks) });
  if (endpoint.Limited) removeQueue(state.host(), endpoint.Link);
  await closing;
  await forget(state, sandbox, endpoint);
  tell(state.options, { action: "disconnect", network, container });
  return describeConnection(sandbox, store.networks);
}

/** Takes running containers from networks that an engine was killed in the midst of connecting them to, or taking them from. */
export async function leaveInterrupted(state: State): Promise<void> {
  for (const { Container, Endpoints } of [...state.store.sandboxes.values()])
    for (const { Network, Changing } of Endpoints)
      if (Changing)
        await leave(state, Container, Network).catch((error) =>
          state.options.warn(
            `container ${Container} is not whole on network ${Network}: ${messageOf(error)}`,
          ),
        );
}

function sandboxOf({ store }: State, container: string): SandboxRecord {
  const sandbox = store.sandboxes.get(container);
  if (sandbox !== undefined) return sandbox;
  throw new FathomError("conflict", `container ${container} is not connected to any network`);
}

/** The container has that endpoint no more, its addresses are free, and its ports lead to what it still has. */
async function forget(state: State, sandbox: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
  const { store, ports } = state;
  sandbox.Endpoints = sandbox.Endpoints.filter((one) => one !== endpoint);
  giveBack(state, endpoint);
  // It may have ended meanwhile, and then has no record any more.
  if (store.sandboxes.get(sandbox.Container) !== sandbox) return;
  await openPorts(ports, sandbox);
  await store.saveSandbox(sandbox);
}

/** Connecting a container that is about to start. */

import { join } from "node:path";
import type { NetworkRate } from "../std/network_rate.ts";
import { describeConnection } from "./describe.ts";
import { type Attachment, planEndpoint } from "./endpoint.ts";
import { resolvesNames } from "./names.ts";
import { planWithNews } from "./news.ts";
import type { Connection, ConnectRequest, EndpointWish } from "./options.ts";
import { openPorts } from "./ports/publish.ts";
import { refusedPorts, reservePorts } from "./ports/reserve.ts";
import { applyRate } from "./rate.ts";
import { inventId, type SandboxRecord } from "./records.ts";
import { giveBack, letGo, release } from "./release.ts";
import { leadToResolver } from "./resolver.ts";
import { type EndpointPlan, makeSandbox } from "./sandbox.ts";
import { findNetwork, type State, tell } from "./state.ts";
import { waysOut } from "./ways_out.ts";

const SHORT = 12;

/** The record is written while the kernel works; both are done before the container starts. */
export async function connect(state: State, request: ConnectRequest): Promise<Connection> {
  const { store } = state;
  await release(state, request.container);
  const attachments = await Promise.all(request.networks.map((wish) => attachmentFor(state, wish)));
  const sandbox = planSandbox(state, request.container, attachments);
  noteLimit(sandbox, request.rate ?? {});
  if (request.resolver !== undefined) sandbox.Resolver = request.resolver;
  // In this order: an address is taken from the moment it is chosen.
  store.sandboxes.set(sandbox.Container, sandbox);
  await givePorts(state, sandbox, request.published);
  const saving = store.saveSandbox(sandbox);
  try {
    if (sandbox.Key !== "") {
      makeSandbox(state.host(), sandbox, {
        plans: plansOf(state, sandbox, attachments),
        ways: waysOut(sandbox.Endpoints, store.networks),
        users: request.users,
      });
      if (resolvesNames(sandbox)) await leadToResolver(state, sandbox);
      if (request.rate !== undefined) limit(state, sandbox, request.rate);
      await openPorts(state.ports, sandbox);
    }
    await saving;
  } catch (error) {
    // Waited for only, so that what takes the record away comes behind it: what went wrong first is thrown below.
    await saving.catch(() => undefined);
    await letGo(state, sandbox);
    throw error;
  }
  for (const { network } of attachments)
    tell(state.options, { action: "connect", network, container: request.container });
  return describeConnection(sandbox, store.networks);
}

/** @throws {FathomError} where a port cannot be had; then the container has nothing. */
async function givePorts(
  state: State,
  sandbox: SandboxRecord,
  published: ConnectRequest["published"],
): Promise<void> {
  if (published === undefined) return;
  await state.ports.openForwarder();
  const refusal = reservePorts(state.ports, sandbox, published.wishes);
  if (refusal === undefined) return;
  await letGo(state, sandbox);
  const endpoint = sandbox.Endpoints[0]?.Id ?? "";
  throw await refusedPorts(refusal, { ...published, container: sandbox.Container, endpoint });
}

export async function attachmentFor(state: State, wish: EndpointWish): Promise<Attachment> {
  const network = findNetwork(state, wish.network);
  return { wish, network, junction: await state.segments.of(network)?.ready() };
}

/** What a container gets. A container without a link of its own has the host's namespace, or one that the runtime makes. */
function planSandbox(state: State, container: string, attachments: readonly Attachment[]): SandboxRecord {
  const id = inventId();
  const sandbox: SandboxRecord = { Container: container, Id: id, Key: "", Endpoints: [] };
  using undo = new DisposableStack();
  for (const attachment of attachments) {
    const endpoint = planEndpoint(state, attachment, sandbox.Endpoints);
    undo.defer(() => giveBack(state, endpoint));
    sandbox.Endpoints.push(endpoint);
  }
  undo.move();
  const isOwn = attachments.length === 0 || attachments.some(({ junction }) => junction !== undefined);
  return isOwn ? { ...sandbox, Key: join(state.store.namespaces, id.slice(0, SHORT)) } : sandbox;
}

function plansOf(
  state: State,
  { Endpoints }: SandboxRecord,
  attachments: readonly Attachment[],
): EndpointPlan[] {
  return attachments.flatMap(({ network, junction }, at) => {
    const endpoint = Endpoints[at];
    if (junction === undefined || endpoint === undefined) return [];
    return planWithNews(state, { network, junction }, endpoint);
  });
}

/** Both limits are the kernel's to keep: nothing of them is here but the note that there may be a link to remove. */
export function limit(state: State, { Endpoints }: SandboxRecord, rate: NetworkRate): void {
  for (const { Link } of Endpoints) if (Link !== "") applyRate(state.host(), Link, rate);
}

/** Before the kernel is asked, so that whoever cleans up knows. */
export function noteLimit({ Endpoints }: SandboxRecord, { up }: NetworkRate): void {
  if (up !== undefined) for (const endpoint of Endpoints) endpoint.Limited = true;
}

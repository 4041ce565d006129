/**
 * A container's network namespace and what joins it to its networks, made in one go.
 *
 * All of it takes about 1.5 ms and waits for nothing. Nothing is removed one by one when the container ends: a link's removal waits
 * for every processor to have let go of it (some 20 ms), whereas the kernel dismantles a namespace that nobody holds, with its
 * links, by itself.
 */

import {
  addAddress,
  addDefaultRoute,
  addSublink,
  addVeth,
  announce,
  deleteLink,
  findLink,
  inNetworkNamespace,
  isolatePort,
  keepNetworkNamespace,
  learn,
  letGoOfNetworkNamespace,
  makeNetworkNamespace,
  type NetlinkSocket,
  openNetworkNamespace,
  setLink,
  writeSysctl,
} from "../kernel/net/mod.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import { parseIp } from "../std/ip.ts";
import { askedSysctls } from "./endpoint_options.ts";
import type { EndpointRecord, SandboxRecord } from "./records.ts";
import type { Junction } from "./segment.ts";
import type { WaysOut } from "./ways_out.ts";

const LOOPBACK = { index: 1, name: "lo" };
/** Of links that come later: those with addresses of IPv6 have it switched on. Loopback keeps its own. */
const SYSCTLS = { "net/ipv6/conf/default/disable_ipv6": "1" };

type Namespace = ReturnType<typeof makeNetworkNamespace>;

/** One connection, as it is to be made. */
export interface EndpointPlan {
  endpoint: EndpointRecord;
  junction: Junction;
  /** Those of its addresses that its neighbours are to be told of. */
  news: readonly string[];
}

/**
 * Makes the namespace that `sandbox` names, in a new user namespace where the container has users of its own, and connects it. What
 * was made is undone when a step fails.
 * @throws {SyscallError}
 */
export function makeSandbox(
  host: NetlinkSocket,
  sandbox: SandboxRecord,
  { plans, ways, users }: { plans: readonly EndpointPlan[]; ways: WaysOut; users: IdMaps | undefined },
): void {
  using undo = new DisposableStack();
  using namespace = makeNetworkNamespace(SYSCTLS, users);
  keepNetworkNamespace(namespace, sandbox.Key);
  undo.defer(() => letGoOfNetworkNamespace(sandbox.Key));
  setLink(namespace.route, LOOPBACK, { up: true });
  for (const plan of plans) connect(host, namespace, plan);
  lead(namespace, ways);
  undo.move();
}

/** Connects a container that runs to one more network; what was made is undone when a step fails. @throws {SyscallError} */
export function joinSandbox(
  host: NetlinkSocket,
  sandbox: SandboxRecord,
  { plan, ways }: { plan: EndpointPlan; ways: WaysOut },
): void {
  using namespace = entered(sandbox);
  using undo = new DisposableStack();
  undo.defer(() => removeLinkOf(host, namespace, plan.endpoint));
  connect(host, namespace, plan);
  lead(namespace, ways);
  undo.move();
}

/** Takes a container that runs from a network. @throws {SyscallError} */
export function leaveSandbox(
  host: NetlinkSocket,
  sandbox: SandboxRecord,
  { endpoint, ways }: { endpoint: EndpointRecord; ways: WaysOut },
): void {
  using namespace = entered(sandbox);
  removeLinkOf(host, namespace, endpoint);
  lead(namespace, ways);
}

function entered({ Key, Container }: SandboxRecord): Namespace {
  const namespace = openNetworkNamespace(Key);
  if (namespace === undefined)
    throw new FathomError("internal", `the network namespace ${Key} of container ${Container} is gone`);
  return namespace;
}

function connect(host: NetlinkSocket, namespace: Namespace, plan: EndpointPlan): void {
  const { endpoint } = plan;
  const { Interface } = endpoint;
  addPair(host, namespace, plan);
  const inside = linkOf(namespace.route, Interface);
  setSysctls(namespace, endpoint);
  for (const address of addressesOf(endpoint)) addAddress(namespace.route, inside, address);
  setLink(namespace.route, inside, { up: true });
  if (plan.junction.kind === "bridge") settlePort(host, plan);
  else inNetworkNamespace(namespace.fd, () => tell(namespace.route, inside, plan));
}

/** IPv6 is on where the link has an address of it; then what was asked for, which may be the contrary. */
function setSysctls(namespace: Namespace, { Interface, Address6, Asked }: EndpointRecord): void {
  const asked = askedSysctls(Asked.DriverOpts, Interface);
  if (Address6 === "" && asked.length === 0) return;
  inNetworkNamespace(namespace.fd, () => {
    if (Address6 !== "") writeSysctl(`net/ipv6/conf/${Interface}/disable_ipv6`, "0");
    for (const { path, value } of asked)
      if (!writeSysctl(path, value))
        throw new FathomError(
          "invalid",
          `there is no sysctl ${path.replaceAll("/", ".")} here: leave it out`,
        );
  });
}

/** The container's link, and what of the host it is on. */
function addPair(host: NetlinkSocket, namespace: Namespace, { endpoint, junction }: EndpointPlan): void {
  const { Link, Interface: name, Mac: mac } = endpoint;
  const { index, mtu } = junction;
  if (junction.kind === "bridge") {
    const own = { name: Link, mtu, master: index, up: true };
    addVeth(host, own, { name, namespace: namespace.fd, mtu, mac });
  } else {
    const place = { name, parent: index, namespace: namespace.fd, mtu };
    addSublink(host, junction, junction.kind === "macvlan" ? { ...place, mac } : place);
  }
}

function settlePort(host: NetlinkSocket, plan: EndpointPlan): void {
  const { endpoint, junction } = plan;
  const port = linkOf(host, endpoint.Link);
  learn(host, port, endpoint.Mac);
  // By the bridge: its port may begin to forward a moment later only.
  tell(host, junction, plan);
  if (junction.kind === "bridge" && junction.isolated) isolatePort(host, port);
}

function tell(socket: NetlinkSocket, link: { index: number; name: string }, plan: EndpointPlan): void {
  for (const address of plan.news) announce(socket, link, { address, mac: plan.endpoint.Mac });
}

/** The host's end where there is one, else the container's own. */
function removeLinkOf(host: NetlinkSocket, namespace: Namespace, { Link, Interface }: EndpointRecord): void {
  if (Link !== "") deleteLink(host, Link);
  else deleteLink(namespace.route, Interface);
}

/** RFC 3927, RFC 4291: those that mean something on one link only. */
const LINK_LOCAL_PREFIX = { 4: 16, 6: 64 } as const;

function addressesOf({ Address, Prefix, Address6, Prefix6, Asked }: EndpointRecord) {
  const own = [
    { address: Address, prefix: Prefix },
    { address: Address6, prefix: Prefix6 },
  ].filter(({ address }) => address !== "");
  const linkLocal = (Asked.IPAMConfig?.LinkLocalIPs ?? []).map((address) => ({
    address,
    prefix: LINK_LOCAL_PREFIX[parseIp(address).family],
    linkLocal: true,
  }));
  return [...own, ...linkLocal];
}

/** Has what goes to the outside leave by the right links. A way out goes with its link, or gives place to another. */
function lead({ route }: Namespace, ways: WaysOut): void {
  for (const family of [4, 6] as const) {
    const way = ways[family];
    if (way === undefined) continue;
    const gateway = family === 4 ? way.Gateway : way.Gateway6;
    addDefaultRoute(route, linkOf(route, way.Interface), { family, gateway });
  }
}

function linkOf(socket: NetlinkSocket, name: string): { index: number; name: string } {
  const link = findLink(socket, name);
  if (link === undefined)
    throw new FathomError("internal", `the link ${name} that was just made is not there`);
  return link;
}

/** What is known of a container's connections and of the host, for reach.ts. */

import { type HostTable, listAddresses, listLinks, listRoutes, readRuleSet } from "../../kernel/net/mod.ts";
import type { Reach, ReachPort } from "../../spec/reach.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import { lacksNftables } from "../backends/lack.ts";
import { familyOf, isEvery } from "../ports/port.ts";
import type { State } from "../state.ts";
import { reachOnHost } from "./on_host.ts";
import { judgeInput, type ReachFacts, reachOf } from "./reach.ts";

type Outside = Pick<ReachFacts, "outside" | "hostAddress">;

/** The link of the default route, and the host's address on it. */
function outsideOf({ host }: Pick<State, "host">): Outside {
  const route = listRoutes(host()).find(({ prefix }) => prefix === 0);
  const link = listLinks(host()).find(({ index }) => index === route?.link);
  const own = listAddresses(host()).find(({ index }) => index === link?.index);
  return { outside: link?.name ?? "", hostAddress: { 4: own?.address ?? "192.0.2.1", 6: "2001:db8::1" } };
}

/** A container's ports and addresses; `sockets` are those that listen in it. */
export function reachOfContainer(
  state: State,
  container: string,
  sockets: ReachFacts["sockets"],
): Pick<Reach, "Addresses" | "Ports"> {
  const { Endpoints = [], Ports: published = [] } = state.store.sandboxes.get(container) ?? {};
  const connections = Endpoints.flatMap((endpoint) => {
    const network = state.store.networks.get(endpoint.Network);
    if (network === undefined || network.Link === "") return [];
    const open = network.Options["com.docker.network.bridge.enable_icc"] !== "false";
    const shared = { network: network.Name, link: network.Link, open };
    return [
      { ...shared, address: endpoint.Address, gateway: endpoint.Gateway },
      { ...shared, address: endpoint.Address6, gateway: endpoint.Gateway6 },
    ].filter(({ address }) => address !== "");
  });
  return {
    Addresses: connections.map(({ network, address }) => ({ Network: network, Address: address })),
    Ports: reachOf({ tables: rulesOfHost(), sockets, published, connections, ...outsideOf(state) }),
  };
}

/** The ports of a container on the host's network; `sockets` are those that its programs listen at. */
export function reachOfGuest(state: State, sockets: ReachFacts["sockets"]): ReachPort[] {
  return reachOnHost({ tables: rulesOfHost(), sockets, ...outsideOf(state) });
}

/** @throws {FathomError} unavailable */
function rulesOfHost(): HostTable[] {
  try {
    return readRuleSet();
  } catch (error) {
    if (!lacksNftables(error)) throw error;
    throw new FathomError(
      "unavailable",
      `which rules stand in the way is read from nftables, which cannot be had on this host (${messageOf(error)})`,
    );
  }
}

function rulesIfAny(): HostTable[] {
  try {
    return readRuleSet();
  } catch (error) {
    if (!lacksNftables(error)) throw error;
    return [];
  }
}

/** Sentences for ports that will be open to the world where the host's own rules keep the world out. */
export function exposureWarnings(
  state: State,
  ports: readonly { protocol: "tcp" | "udp" | "sctp"; address: string; port: number }[],
): string[] {
  const { settings } = state.options;
  if (settings.respectHostFirewall || !settings.filter) return [];
  const open = ports
    .map((one) => ({ ...one, address: one.address || settings.ports.defaultAddress }))
    .filter(({ address }) => isEvery(address));
  if (open.length === 0) return [];
  const tables = rulesIfAny();
  const { outside, hostAddress } = outsideOf(state);
  return open.flatMap(({ protocol, port, address: asked }) => {
    const { passes, isCertain, by } = judgeInput(
      tables,
      { port, protocol },
      { address: hostAddress[familyOf(asked)], outside },
    );
    if (passes || !isCertain || by === undefined) return [];
    const rule = by.handle === undefined ? "by its policy" : `by rule ${by.handle}`;
    return [
      `Port ${port}/${protocol} is published to the world, though the host's firewall keeps the world out (chain ${by.chain} of table ${by.family} ${by.table}, ${rule}): publish it at 127.0.0.1, or start the engine with --respect-host-firewall`,
    ];
  });
}

/** The forwarder of an engine: opened when a port is first published, so that an engine without published ports has none. */

import { messageOf } from "../../std/errors.ts";
import type { Forwarder } from "./forwarder.ts";
import { familyOf, meet } from "./port.ts";
import { exitOf, hasIPv6, type Ports } from "./state.ts";

export function lazyForwarder(ports: Ports): { open(): Promise<void>; close(): void } {
  let opening: Promise<Forwarder | undefined> | undefined;
  const { settings, filter } = ports;
  const open = async (): Promise<Forwarder | undefined> => {
    if (!settings.forward || !settings.ipv6 || !filter || !hasIPv6()) return undefined;
    try {
      const { openForwarder } = await import("./forwarder.ts");
      const forwarder = await openForwarder((...asked) => destinationOf(ports, asked));
      Object.assign(ports.forwarder, forwarder.ports);
      return forwarder;
    } catch (error) {
      ports.warn(`ports are published at addresses of IPv4 only: ${messageOf(error)}`);
      return undefined;
    }
  };
  return {
    async open() {
      opening ??= open();
      await opening;
    },
    close: () => void opening?.then((forwarder) => forwarder?.close()),
  };
}

/** Where what was sent to an address of this host is to go, as it is published at this moment. */
function destinationOf(
  { store }: Ports,
  [protocol, address, port]: [protocol: string, address: string, port: number],
): { address: string; port: number } | undefined {
  for (const sandbox of store.sandboxes.values()) {
    const found = sandbox.Ports?.find(
      ({ Protocol, HostIp, HostPort, Count }) =>
        Protocol === protocol &&
        familyOf(HostIp) === 6 &&
        meet(HostIp, address) &&
        port >= HostPort &&
        port < HostPort + Count,
    );
    const to = found && exitOf(store, sandbox)?.target;
    const reached = to?.address6 || to?.address4;
    if (found && reached) return { address: reached, port: found.ContainerPort + port - found.HostPort };
  }
  return undefined;
}

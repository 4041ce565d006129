/** The networks of the engine: how they are opened, the events that tell of them, and how the API wants to see them. */

import type { NetworkBackend } from "../api/routes/networks.ts";
import type { Containers } from "../container/mod.ts";
import { type Networks, openNetworks, readSettings } from "../network/mod.ts";
import type { DaemonConfig } from "./config.ts";
import type { EventBus } from "./events.ts";
import { runProgram } from "./host.ts";
import type { Log } from "./log.ts";

export function openEngineNetworks(
  config: DaemonConfig,
  { events, log }: { events: EventBus; log: Log },
): Promise<Networks> {
  return openNetworks({
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    settings: readSettings(config),
    emit: ({ action, id, attributes }) => events.emit({ Type: "network", Action: action, id, attributes }),
    run: runProgram,
    warn: (sentence) => log("warn", sentence),
  });
}

export function networkBackend(networks: Networks, containers: Containers): NetworkBackend {
  return {
    list: (filters) => networks.list(filters),
    inspect: (name) => networks.inspect(name, (container) => containers.identify(container).name),
    create: (request) => networks.create(request),
    remove: (name) => networks.remove(name),
    connect: (container, network, wish) => containers.networks.connect(container, network, wish),
    disconnect: (container, network, how) => containers.networks.disconnect(container, network, how),
  };
}

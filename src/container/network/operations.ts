/** What the API's routes about networks need of containers. */

import type { EndpointRequest } from "../../spec/docker_network.ts";
import type { Context } from "../context.ts";

export interface NetworkOperations {
  /** Connects a container to a network, also one that does not run. */
  connect(id: string, network: string, wish: EndpointRequest): Promise<void>;
  /** `force` also where it is not connected. */
  disconnect(id: string, network: string, options: { force: boolean }): Promise<void>;
}

export function networkOperations(context: Context): NetworkOperations {
  return {
    connect: async (id, network, wish) => {
      const container = context.registry.find(id);
      const { connectNetwork } = await import("./attach.ts");
      await container.exclusive(() => connectNetwork(context, container, { network, wish }));
    },
    disconnect: async (id, network, { force }) => {
      const container = context.registry.find(id);
      const { disconnectNetwork } = await import("./attach.ts");
      await container.exclusive(() => disconnectNetwork(context, container, { network, force }));
    },
  };
}

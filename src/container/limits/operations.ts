/** What is done to the share of the host that a container has, for the API's routes. What is seldom called is loaded when it is. */

import type { ContainerUpdateRequest } from "../../spec/docker.ts";
import type { ContainerStats } from "../../spec/docker_stats.ts";
import type { Context } from "../context.ts";
import type { Stats } from "./stats.ts";

/** See ResourceBackend of the API. */
export interface ResourceOperations {
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  update(id: string, request: ContainerUpdateRequest): Promise<{ Warnings: string[] }>;
  stats(
    id: string,
    how: { stream: boolean; oneShot: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<ContainerStats>>;
}

export function resourceOperations(context: Context): ResourceOperations {
  const find = (name: string) => context.registry.find(name);
  const load = () => import("../pause.ts");
  let stats: Stats | undefined;
  return {
    pause: async (id) => {
      const container = find(id);
      const { pauseContainer } = await load();
      await container.exclusive(() => pauseContainer(context, container));
    },
    unpause: async (id) => {
      const container = find(id);
      const { unpauseContainer } = await load();
      await container.exclusive(() => unpauseContainer(context, container));
    },
    stats: async (id, how, signal) => {
      const container = find(id);
      const { openStats } = await import("./stats.ts");
      stats ??= openStats(context);
      return stats.of(container, how, signal);
    },
    update: async (id, request) => {
      const container = find(id);
      const { updateContainer } = await import("./update.ts");
      return container.exclusive(() => updateContainer(context, container, request));
    },
  };
}

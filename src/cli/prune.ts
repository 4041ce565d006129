/** Taking away what nobody uses, one kind at a time: what the `prune` of each group does, and that of `system` one after another. */

import type { ImageDeleteResponse } from "../spec/docker.ts";
import type { ContainerPruneResponse } from "../spec/docker_files.ts";
import type { BuildPruneResponse, ImagePruneResponse, NetworkPruneResponse } from "../spec/docker_usage.ts";
import type { VolumePruneResponse } from "../spec/docker_volume.ts";
import { formatDecimalSize } from "../std/units.ts";
import { filterQuery } from "./format/text.ts";
import type { Client } from "./http/client.ts";

/** What was pruned, as the docker command tells it, and the bytes that it gave back. */
export interface Pruned {
  text: string;
  bytes: number;
}

/** The last line of every prune. */
export function reclaimed(bytes: number): string {
  return `Total reclaimed space: ${formatDecimalSize(bytes, 4)}\n`;
}

export async function pruneContainers(client: Client, filters: readonly string[]): Promise<Pruned> {
  const answer = await post<ContainerPruneResponse>(client, "/containers/prune", filters);
  return told("Deleted Containers", answer.ContainersDeleted, answer.SpaceReclaimed);
}

export async function pruneVolumes(client: Client, filters: readonly string[]): Promise<Pruned> {
  const answer = await post<VolumePruneResponse>(client, "/volumes/prune", filters);
  return told("Deleted Volumes", answer.VolumesDeleted, answer.SpaceReclaimed);
}

export async function pruneNetworks(client: Client, filters: readonly string[]): Promise<Pruned> {
  const answer = await post<NetworkPruneResponse>(client, "/networks/prune", filters);
  return told("Deleted Networks", answer.NetworksDeleted, 0);
}

/** `all`: those that have a tag too. */
export async function pruneImages(
  client: Client,
  { all, filters }: { all: boolean; filters: readonly string[] },
): Promise<Pruned> {
  const answer = await post<ImagePruneResponse>(client, "/images/prune", [...filters, `dangling=${!all}`]);
  return told("Deleted Images", answer.ImagesDeleted?.map(imageLine) ?? null, answer.SpaceReclaimed);
}

export async function pruneBuildCache(
  client: Client,
  { all, filters }: { all: boolean; filters: readonly string[] },
): Promise<Pruned> {
  const query = { all: all ? "1" : undefined, filters: filterQuery(filters) };
  const answer = await client.json<BuildPruneResponse>("POST", "/build/prune", { query });
  return told("Deleted build cache objects", answer.CachesDeleted, answer.SpaceReclaimed);
}

function imageLine(part: ImageDeleteResponse): string {
  return "Untagged" in part ? `untagged: ${part.Untagged}` : `deleted: ${part.Deleted}`;
}

function post<T>(client: Client, path: string, filters: readonly string[]): Promise<T> {
  return client.json<T>("POST", path, { query: { filters: filterQuery(filters) } });
}

function told(heading: string, deleted: readonly string[] | null, bytes: number): Pruned {
  const lines = deleted ?? [];
  return { text: lines.length > 0 ? `${heading}:\n${lines.join("\n")}\n\n` : "", bytes };
}

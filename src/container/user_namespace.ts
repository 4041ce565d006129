/** User namespaces: whom a container's users are on the host, `--userns-remap` of the engine and `--userns host` of a container. */

import { chown } from "node:fs/promises";
import type { IdMapping, IdMaps, Namespace } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import type { FullHostConfig } from "./host_config.ts";
import { joinedName } from "./joined_name.ts";
import type { JoinedPids } from "./plan/input.ts";
import type { ContainerRecord } from "./records.ts";

/**
 * The users of a container that is to be made; undefined where they are the host's.
 * @throws {FathomError} invalid, in Docker's words, for what a user namespace and the host's own cannot be together.
 */
export function idMapsFor(remap: IdMaps | undefined, host: FullHostConfig): IdMaps | undefined {
  if (remap === undefined || host.UsernsMode === "host") return undefined;
  if (host.Privileged)
    throw invalid(
      "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode",
    );
  if (host.NetworkMode === "host")
    throw invalid("cannot share the host's network namespace when user namespaces are enabled");
  if (host.PidMode === "host")
    throw invalid("cannot share the host PID namespace when user namespaces are enabled");
  if (host.Runtime !== "native")
    throw new FathomError(
      "unsupported",
      `the runtime ${host.Runtime} cannot run a container in a user namespace here: use the native one, or --userns host`,
    );
  return remap;
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}

/** The container's user namespace: that of whom it shares another namespace with, which belongs to it, else a new one. */
export function userNamespaces({ config, host }: ContainerRecord, joined: JoinedPids): Namespace[] {
  if (config.IdMaps === undefined) return [];
  // A network namespace that is given by its path is the engine's own, and was not made by a container.
  const pid = [joined.network, joined.pid, joined.ipc].find((one) => typeof one === "number");
  const names = [host.NetworkMode, host.PidMode, host.IpcMode].flatMap((mode) => joinedName(mode) ?? []);
  if (new Set(names).size > 1)
    throw invalid(
      "a container with users of its own can share namespaces with one other container only: they belong to its users",
    );
  return [pid === undefined ? { type: "user" } : { type: "user", path: `/proc/${pid}/ns/user` }];
}

/** @throws {FathomError} conflict, where two that are to share a namespace do not have the same users. */
export function checkSameUsers(own: IdMaps | undefined, other: IdMaps | undefined, id: string): void {
  if (own === undefined || JSON.stringify(own) === JSON.stringify(other)) return;
  throw new FathomError(
    "conflict",
    `container ${id} has other users: give both --userns host, or make both with the same user namespace mapping`,
  );
}

/** Gives files of the engine's making to whoever is root in the container. */
export async function giveToRoot(maps: IdMaps | undefined, paths: readonly string[]): Promise<void> {
  if (maps === undefined) return;
  const [uid, gid] = [hostIdOfRoot(maps.uids), hostIdOfRoot(maps.gids)];
  await Promise.all(paths.map((path) => chown(path, uid, gid)));
}

function hostIdOfRoot(map: readonly IdMapping[]): number {
  return map.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
}

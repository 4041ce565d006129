/** Containers that share a namespace with another: whose process and files those are. */

import { FathomError, messageOf } from "../std/errors.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { joinedName } from "./joined_name.ts";
import type { ContainerPaths, JoinedPids } from "./plan/input.ts";
import { notRunning } from "./state.ts";
import { checkSameUsers } from "./user_namespace.ts";

/**
 * `container:NAME` as `container:ID`, which a rename does not break.
 * @throws {FathomError} invalid, and not "not found", which the docker command answers to a create by pulling the image.
 */
export function withId(context: Context, mode: string): string {
  const name = joinedName(mode);
  if (name === undefined) return mode;
  try {
    return `container:${nameOf(context.registry.find(name)).id}`;
  } catch (cause) {
    throw new FathomError("invalid", messageOf(cause), { cause });
  }
}

/**
 * First processes of the containers that are joined.
 * @throws {FathomError} in Docker's words, when one does not run, or does not share what is asked for.
 */
export function joinedPids(context: Context, container: Container): JoinedPids {
  const { NetworkMode, PidMode, IpcMode } = container.record.host;
  const join = (mode: string, refuse: (id: string) => FathomError) =>
    pidOf(context, { container, mode, refuse });
  const network = join(
    NetworkMode,
    (id) => new FathomError("conflict", `cannot join network of a non running container: ${id}`),
  );
  const pid = join(PidMode, notRunning);
  const ipc = join(
    IpcMode,
    (id) => new FathomError("conflict", `can't join IPC of container ${id}: ${notRunning(id).message}`),
  );
  return {
    ...(network !== undefined && { network }),
    ...(pid !== undefined && { pid }),
    ...(ipc !== undefined && { ipc }),
  };
}

interface Join {
  container: Container;
  mode: string;
  /** What is wrong when it does not run. */
  refuse: (id: string) => FathomError;
}

function pidOf(context: Context, { container, mode, refuse }: Join): number | undefined {
  const name = joinedName(mode);
  if (name === undefined) return undefined;
  const other = context.registry.find(name);
  const { id } = nameOf(other);
  if (other === container)
    throw new FathomError("invalid", "cannot join own network: name another container after container:");
  if (other.live === undefined) throw refuse(id);
  checkSameUsers(container.record.config.IdMaps, other.record.config.IdMaps, id);
  return other.record.state.Pid;
}

/**
 * Where the shared memory is that a container has on the host; undefined for one that keeps it to itself.
 * @throws {FathomError} invalid, in Docker's words, when the container that is joined does so.
 */
export function sharedMemory(context: Context, container: Container): string | undefined {
  const { record, paths } = container;
  const { IpcMode: mode } = record.host;
  if (mode === "host") return "/dev/shm";
  if (mode === "shareable") return paths.shm;
  const name = joinedName(mode);
  if (name === undefined) return undefined;
  const path = sharedMemory(context, context.registry.find(name));
  if (path !== undefined) return path;
  throw new FathomError(
    "invalid",
    `can't join IPC of container ${name}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

/** The container's host name and resolver files: its own, or those of the container whose network it shares. */
export function sharedFiles(
  context: Context,
  container: Container,
): Pick<ContainerPaths, "hostname" | "hosts" | "resolv"> {
  const name = joinedName(container.record.host.NetworkMode);
  const { hostname, hosts, resolv } = (name === undefined ? container : context.registry.find(name)).paths;
  return { hostname, hosts, resolv };
}

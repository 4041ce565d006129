/** Containers that share a namespace with another: whose process and files those are. */

import { FathomError, messageOf } from "../std/errors.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import type { ContainerPaths, JoinedPids } from "./plan_input.ts";
import { notRunning } from "./state.ts";

const PREFIX = "container:";

/** The ID or name in `container:X`. */
export function joinedName(mode: string): string | undefined {
  return mode.startsWith(PREFIX) ? mode.slice(PREFIX.length) : undefined;
}

/**
 * `container:NAME` as `container:ID`, which a rename does not break.
 * @throws {FathomError} invalid, and not "not found", which the docker command answers to a create by pulling the image.
 */
export function withId(context: Context, mode: string): string {
  const name = joinedName(mode);
  if (name === undefined) return mode;
  try {
    return `${PREFIX}${nameOf(context.registry.find(name)).id}`;
  } catch (cause) {
    throw new FathomError("invalid", messageOf(cause), { cause });
  }
}

/** First processes of the containers that are joined. @throws {FathomError} when one does not run. */
export function joinedPids(context: Context, container: Container): JoinedPids {
  const { NetworkMode, PidMode } = container.record.host;
  const network = pidOf(context, container, NetworkMode);
  const pid = pidOf(context, container, PidMode);
  return { ...(network !== undefined && { network }), ...(pid !== undefined && { pid }) };
}

function pidOf(context: Context, container: Container, mode: string): number | undefined {
  const name = joinedName(mode);
  if (name === undefined) return undefined;
  const other = context.registry.find(name);
  if (other === container)
    throw new FathomError("invalid", "cannot join own network: name another container after container:");
  if (other.live === undefined) throw notRunning(nameOf(other).id);
  return other.record.state.Pid;
}

/** The container's host name and resolver files: its own, or those of the container whose network it shares. */
export function sharedFiles(context: Context, container: Container): Omit<ContainerPaths, "rootfs"> {
  const name = joinedName(container.record.host.NetworkMode);
  const { hostname, hosts, resolv } = (name === undefined ? container : context.registry.find(name)).paths;
  return { hostname, hosts, resolv };
}

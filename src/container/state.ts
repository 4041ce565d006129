/**
 * What may become of a container: the one table that every change of status passes through.
 *
 * Statuses and sentences are Docker's, since tools match on both.
 */

import type { ContainerStatus } from "../spec/docker.ts";
import { FathomError } from "../std/errors.ts";

/** What happens to a container. */
export type Transition =
  /** Its program runs. */
  | "start"
  /** Its program has ended, or will not be started again. */
  | "exit"
  /** Its program has ended, and its restart policy will start it again. */
  | "retry"
  | "pause"
  | "unpause"
  /** It is being taken away. */
  | "remove"
  /** Taking it away has failed half-way: it can only be removed again. */
  | "spoil";

const NEXT: Record<ContainerStatus, Partial<Record<Transition, ContainerStatus>>> = {
  created: { start: "running", remove: "removing", spoil: "dead" },
  running: { exit: "exited", retry: "restarting", pause: "paused" },
  paused: { exit: "exited", retry: "restarting", unpause: "running" },
  restarting: { start: "running", exit: "exited" },
  exited: { start: "running", remove: "removing", spoil: "dead" },
  removing: { spoil: "dead" },
  dead: { remove: "removing" },
};

/** Whether a program is there, running or frozen. A container between two restarts counts, as in Docker. */
export function isUp(status: ContainerStatus): boolean {
  return status === "running" || status === "paused" || status === "restarting";
}

/**
 * The status that follows.
 * @throws {FathomError} conflict or not-modified, in Docker's words, when `status` does not allow it.
 */
export function next(
  status: ContainerStatus,
  transition: Transition,
  container: { id: string; name: string },
): ContainerStatus {
  const following = NEXT[status][transition];
  if (following !== undefined) return following;
  throw refusal(status, transition, container);
}

function refusal(
  status: ContainerStatus,
  transition: Transition,
  { id, name }: { id: string; name: string },
): FathomError {
  const conflict = (sentence: string) => new FathomError("conflict", sentence);
  switch (transition) {
    case "start":
      return refusedStart(status);
    case "remove":
      return refusedRemove(status, { id, name });
    case "pause":
      if (status === "paused") return conflict(`container ${id} is already paused`);
      if (status === "restarting") return conflict(restarting(id));
      return notRunning(id);
    case "unpause":
      return conflict(`container ${id} is not paused`);
    case "exit":
    case "retry":
    case "spoil":
      return new FathomError("internal", `container ${id} is ${status}, which ${transition} does not follow`);
  }
}

function refusedStart(status: ContainerStatus): FathomError {
  if (status === "running") return new FathomError("not-modified", "container is already running");
  if (status === "paused")
    return new FathomError("conflict", "cannot start a paused container, try unpause instead");
  return new FathomError("conflict", "container is marked for removal and cannot be started");
}

function refusedRemove(status: ContainerStatus, { id, name }: { id: string; name: string }): FathomError {
  if (status === "removing")
    return new FathomError("conflict", `removal of container ${id} is already in progress`);
  const advice =
    status === "paused"
      ? "container is paused and must be unpaused first"
      : `container is ${status}: stop the container before removing or force remove`;
  return new FathomError("conflict", `cannot remove container "/${name}": ${advice}`);
}

/** The error of an operation that needs a running program. */
export function notRunning(id: string): FathomError {
  return new FathomError("conflict", `container ${id} is not running`);
}

/** The sentence for an operation that must wait for the next start. */
export function restarting(id: string): string {
  return `container ${id} is restarting, wait until the container is running`;
}
